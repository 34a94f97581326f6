package templates

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mailsExamples() []example {
	stranger := Frame{CSRF: "page-token", Path: "/forgot", Now: noon()}
	ask := Ceremony{Options: `{"challenge":"AA"}`, Ticket: "sealed"}
	invited := Invitation{Frame: stranger, Link: "sealed", Mail: true, Email: "ana@example.com", Name: "Ana"}
	bad, passkey := invited, invited
	bad.Bad, bad.Name, bad.Email, bad.Link = "A password has 8 characters or more.", hostile(), hostile(), hostile()
	passkey.Ceremony = ask
	mine := Mails{Frame: frame("/mails"), Sent: true, Choices: []MailChoice{{LetterAllowed, true}, {LetterEnding, false}}}
	kept := mine
	kept.Notices = []Notice{{Kind: NoticeMails}}
	return []example{
		{"signin-changed", SignIn{Frame: stranger, Email: "ana@example.com", Changed: true}},
		{"forgot", Forgot{Frame: stranger, Mail: true}},
		{"forgot-wrong", Forgot{Frame: stranger, Mail: true, Email: hostile(), NoAddress: true}},
		{"forgot-wait", Forgot{Frame: stranger, Mail: true, Email: "ana@example.com", Tried: Tried{Wait: 50 * time.Minute}}},
		{"forgot-sent", Forgot{Frame: stranger, Mail: true, Sent: true}},
		{"forgot-no-mail", Forgot{Frame: stranger}},
		{"reset", Reset{Frame: stranger, Link: "sealed", Email: "ana@example.com"}},
		{"reset-code", Reset{Frame: stranger, Link: "sealed", Email: "ana@example.com", Code: true, Tried: Tried{WrongCode: true}}},
		{"reset-hostile", Reset{Frame: stranger, Link: hostile(), Email: hostile(), Bad: "A password has 8 characters or more."}},
		{"reset-over", Reset{Frame: stranger, Over: true}},
		{"invitation", invited},
		{"invitation-passkey", passkey},
		{"invitation-hostile", bad},
		{"invitation-over", Invitation{Frame: stranger, Over: true, Mail: true}},
		{"invitation-over-no-mail", Invitation{Frame: stranger, Over: true}},
		{"mails", mine},
		{"mails-kept", kept},
		{"mails-none", Mails{Frame: frame("/mails")}},
	}
}

// everyLetter is one of each kind.
func everyLetter() []Letter {
	var all []Letter
	for _, kind := range []LetterKind{
		LetterInvitation, LetterForgotten, LetterNoPassword, LetterPassword, LetterPasskeyAdded, LetterPasskeyRemoved, LetterPasskeyCopied, LetterCodesOn, LetterCodesOff,
		LetterRecoveryUsed, LetterReset, LetterCompany, LetterAllowed, LetterEnding,
	} {
		l := Letter{Kind: kind, Link: "https://deputy.example/page?link=sealed", At: noon(), Until: noon().Add(time.Hour)}
		if kind == LetterAllowed || kind == LetterEnding {
			l.App, l.Host, l.What, l.Choose = "Repo Scout", "reposcout.example", []string{readFiles().Label, readIssues().Label}, "https://deputy.example/mails"
		}
		all = append(all, l)
	}
	return all
}

// Each letter reads as it was last reviewed, in each language.
func TestLettersAreAsReviewed(t *testing.T) {
	set := newSet(t)
	for _, language := range set.Languages() {
		var b strings.Builder
		for _, l := range everyLetter() {
			subject, text, err := set.Letter(l, language)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString("Subject: " + subject + "\n\n" + text + "\n==========\n\n")
			if !strings.Contains(text, "\n"+l.Link+"\n") {
				t.Errorf("%s in %s: the link has no line of its own", l.Kind, language)
			}
		}
		golden(t, "letters."+language+".txt", b.String())
	}
}

func TestLettersSayWhatPagesSay(t *testing.T) {
	set, words := newSet(t), forbidden()
	for _, l := range everyLetter() {
		subject, text, err := set.Letter(l, "en")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(subject + "\n" + text) {
			if bad := words.FindString(line); bad != "" && !strings.Contains(line, "https://") {
				t.Errorf("%s: %q says %q", l.Kind, line, bad)
			}
		}
	}
	if _, _, err := set.Letter(Letter{Kind: "unheard"}, "en"); err == nil {
		t.Error("a letter without words was written")
	}
	if _, _, err := set.Letter(Letter{Kind: LetterReset}, "xx"); err == nil {
		t.Error("a letter in no language was written")
	}
}

// Whatever an app calls itself: the subject is one line, no line of the letter is
// begun by the name, and no mail program makes a link of it.
func TestTheNameOfAnAppMakesNoLetter(t *testing.T) {
	set := newSet(t)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"x\r\nBcc: all@example.com", "evil.example/x", "https://evil.example", "mail@evil.example", "\u202eelpmaxe.live", "a\u2028b"})).Draw(t, "name")
		subject, text, err := set.Letter(Letter{Kind: LetterAllowed, App: name, What: []string{name}, Link: "https://deputy.example/apps/1"}, "en")
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(subject, "\r\n\u2028\u2029") || strings.ContainsAny(subject, ".:/@") {
			t.Fatalf("the subject %q", subject)
		}
		if strings.ContainsAny(text, "\r\u2028\u2029") || strings.Count(text, "\n") > 20 {
			t.Fatalf("the text %q", text)
		}
	})
}
