package templates

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// LetterKind says what a mail tells.
type LetterKind string

// The kinds, with the fields each needs beside At.
const (
	LetterInvitation     LetterKind = "invitation"  // Link, Until
	LetterForgotten      LetterKind = "forgotten"   // Link, Until
	LetterNoPassword     LetterKind = "no_password" // Link: the account has none to forget
	LetterPassword       LetterKind = "password"    // Link: it was changed
	LetterPasskeyAdded   LetterKind = "passkey_added"
	LetterPasskeyRemoved LetterKind = "passkey_removed"
	LetterPasskeyCopied  LetterKind = "passkey_copied"
	LetterCodesOn        LetterKind = "codes_on"
	LetterCodesOff       LetterKind = "codes_off"
	LetterRecoveryUsed   LetterKind = "recovery_used"
	LetterReset          LetterKind = "reset"   // the operator took passkeys and codes away
	LetterCompany        LetterKind = "company" // a company account was connected
	LetterAllowed        LetterKind = "allowed" // App, Host, What, Link
	LetterEnding         LetterKind = "ending"  // App, Host, What, Until, Link
)

// Letter is a mail: plain text, and short. Addresses in it are whole.
type Letter struct {
	Kind   LetterKind
	App    string   // its own name
	Host   string   // of the app; "" when nothing proves one
	What   []string // labels of permissions
	Link   string   // stands on a line of its own
	Until  time.Time
	At     time.Time // when it happened
	Choose string    // where the person chooses which mails they get; "" when this one always comes
}

// most of What that a letter lists: the page behind the link has all of them.
const mostListed = 12

// unlinked makes a name something that no mail program takes for a link: it is the
// app's own word, and the reader is in a mail of ours.
func unlinked(name string) outside {
	return outside(strings.NewReplacer(".", " ", "/", " ", ":", " ", "@", " ").Replace(name))
}

// Letter writes a mail in one of Languages.
func (s *Set) Letter(l Letter, language string) (subject, text string, err error) {
	i := slices.IndexFunc(s.tongues, func(t tongue) bool { return t.Tag == language })
	if i < 0 {
		return "", "", fmt.Errorf("write the letter %s: no language %q", l.Kind, language)
	}
	w := letterWriter{tongue: &s.tongues[i], dates: dates{&s.tongues[i], s.site.Zone}, site: s.site, letter: l}
	return w.write()
}

// letterWriter writes one letter; the first thing that fails stays in err.
type letterWriter struct {
	tongue *tongue
	dates  dates
	site   Site
	letter Letter
	err    error
}

// words is a sentence of ours with the letter's values.
func (w *letterWriter) words(key string) string {
	l := w.letter
	app, who := unlinked(l.App), ours(w.site.Name)
	if w.site.Operator != "" {
		who = ours(w.own("frame.at", "site", ours(w.site.Name), "operator", ours(w.site.Operator)))
	}
	return w.own(key, "app", app, "site", who, "date", w.dates.long(l.Until), "time", w.dates.zoned(l.Until), "on", w.dates.long(l.At), "at", w.dates.zoned(l.At))
}

func (w *letterWriter) own(key string, pairs ...any) string {
	s, err := w.tongue.say(asText, key, pairs...)
	if err != nil && w.err == nil {
		w.err = err
	}
	return s
}

func (w *letterWriter) write() (subject, text string, err error) {
	l := w.letter
	parts := []string{w.words("letter.hello"), w.words(key("letter", l.Kind))}
	if len(l.What) > 0 {
		parts = append(parts, w.list())
	}
	if l.Host != "" {
		parts = append(parts, w.own("letter.host", "host", outside(l.Host)))
	}
	if l.Link != "" {
		parts = append(parts, w.words(key("letter.link", l.Kind)), l.Link)
	}
	parts = append(parts, w.words(key("letter.end", l.Kind)))
	if l.Choose != "" {
		parts = append(parts, w.words("letter.choose")+"\n"+l.Choose)
	}
	parts = append(parts, "-- \n"+w.words("letter.from"))
	return w.words(key("letter.subject", l.Kind)), strings.Join(parts, "\n\n") + "\n", w.err
}

func (w *letterWriter) list() string {
	var lines []string
	for n, label := range w.letter.What {
		if n == mostListed {
			lines = append(lines, "- …")
			break
		}
		lines = append(lines, "- "+outside(w.tongue.own(label)).in(asText))
	}
	return strings.Join(lines, "\n")
}
