// Package templates owns how Deputy's pages look and what they say: HTML
// templates, one stylesheet, and one exported struct a page with plain fields.
//
// It does not decide anything, reads no request and imports nothing of ours:
// package flow, connect and dashboard fill the structs. No page needs a script,
// an inline style or anything from another server; one script lets browsers that
// can use passkeys, on the pages that ask for one.
//
// Where forms go and what they send:
//
//	SignIn             POST /signin                 csrf flow return email password
//	SignIn             POST /signin/passkey         csrf return ticket answer
//	SignInCode         POST /signin/code            csrf return ticket code
//	Forgot             POST /forgot                 csrf email
//	Reset              POST /reset                  csrf link password code
//	Invitation         POST /invitation             csrf link name password
//	Invitation         POST /invitation/passkey     csrf link name ticket answer
//	Prove              POST /signin/again           csrf for return password code
//	Prove              POST /signin/again/passkey   csrf for return ticket answer
//	Accounts           POST /accounts               csrf return do (use:ID, end:ID, end-all)
//	SignedOut          POST /accounts               csrf return do (end-all)
//	header             POST /signout                csrf
//	footer             POST /language               return language
//	SignOutConfirm     POST /signout/app            csrf to
//	DeviceEntry        POST /device                 csrf user_code
//	DeviceConfirm      POST /device/confirm         csrf flow do (yes, no)
//	Stranger           POST /consent/app            csrf flow do (back, continue)
//	Consent, Confirm   POST /consent                csrf flow do shown* allow* account.PROVIDER days.GROUP
//	Picker             POST /consent/pick           csrf flow type page do q pick* far sure
//	Connect            POST (its Action)            csrf scopes connection return
//	RemoveConfirm      POST /apps/ID/remove         csrf scope family
//	Services           POST /connect/PROVIDER/start csrf return; POST /services/ID/reconnect csrf return
//	DisconnectConfirm  POST /services/ID/disconnect csrf
//	Sessions           POST /sessions               csrf do (end:ID, end-others)
//	Mails              POST /mails                  csrf want*
//	Profile            POST /profile                csrf name
//	Profile            POST /profile/picture        csrf picture do (use, remove), as multipart/form-data
//	NewCodes           POST /sessions/codes         csrf ticket code
//	ChangeCodes        POST /sessions/codes/recovery, /sessions/codes/remove csrf
//	NewCompanyAccount  POST /sessions/companies     csrf ticket
//	RemoveCompanyAccount POST /sessions/companies/ID/remove csrf
//	NewPasskey         POST /sessions/passkeys      csrf name ticket answer
//	RemovePasskey      POST /sessions/passkeys/ID/remove csrf
//	Activity           GET  /activity               app service result
//
// A star marks a field that may come several times. The values of do in Consent
// are save, deny, allow, account and the Do of its steps and rows; in Picker they are
// search, prev, next, back and use.
package templates

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/text/language"
)

//go:embed *.html
var files embed.FS

//go:embed style.css
var stylesheet []byte

//go:embed passkey.js
var script []byte

// ErrNoPage is returned for a value that is none of the page structs.
var ErrNoPage = errors.New("no template for this type")

// Site is what is the same on every page.
type Site struct {
	Name     string         // of the product; "" means Deputy
	Operator string         // who runs it: "Northwind"; may be empty
	Zone     *time.Location // in which times are shown; nil means UTC
	Language string         // of those whose browser wants none that there is; "" means English
	// Said is what the catalogue says, by language and by the English sentence.
	Said map[string]map[string]string
}

// Set holds the parsed templates, in every language. It is safe for use by many
// goroutines.
type Set struct {
	site    Site
	tongues []tongue
	matcher language.Matcher
	pages   []map[reflect.Type]page // for each tongue
}

type page struct {
	template    func() (*template.Template, error)
	narrow, nav bool
}

// listed is one line of the table of pages.
type listed struct {
	page        framed
	file        string
	narrow, nav bool
}

func listing() []listed {
	return []listed{
		{SignIn{}, "signin.html", true, false},
		{SignInCode{}, "signin-code.html", true, false},
		{Accounts{}, "accounts.html", true, false},
		{Forgot{}, "forgot.html", true, false},
		{Reset{}, "reset.html", true, false},
		{Invitation{}, "invitation.html", true, false},
		{Prove{}, "prove.html", true, false},
		{DeviceEntry{}, "device.html", true, false},
		{DeviceConfirm{}, "device-confirm.html", true, false},
		{SignOutConfirm{}, "signout.html", true, false},
		{SignedOut{}, "signedout.html", true, false},
		{Stranger{}, "stranger.html", true, false},
		{Consent{}, "consent.html", false, false},
		{Confirm{}, "confirm.html", false, false},
		{Connect{}, "connect.html", true, false},
		{Picker{}, "picker.html", false, false},
		{AskAdmin{}, "ask-admin.html", true, false},
		{Done{}, "done.html", true, false},
		{Error{}, "error.html", true, false},
		{Home{}, "home.html", false, true},
		{AppDetail{}, "app.html", false, true},
		{Receipt{}, "receipt.html", false, true},
		{LessForm{}, "less.html", true, true},
		{RemoveConfirm{}, "remove.html", true, true},
		{Services{}, "services.html", false, true},
		{DisconnectConfirm{}, "disconnect.html", true, true},
		{DisconnectResult{}, "disconnected.html", true, true},
		{Activity{}, "activity.html", false, true},
		{Sessions{}, "sessions.html", false, true},
		{Mails{}, "mails.html", false, true},
		{Profile{}, "profile.html", false, true},
		{Codes{}, "codes.html", false, true},
		{NewCodes{}, "codes-new.html", true, true},
		{RecoveryCodes{}, "recovery.html", true, true},
		{ChangeCodes{}, "codes-change.html", true, true},
		{CompanyAccounts{}, "companies.html", false, true},
		{NewCompanyAccount{}, "company-new.html", true, true},
		{RemoveCompanyAccount{}, "company-remove.html", true, true},
		{Passkeys{}, "passkeys.html", false, true},
		{NewPasskey{}, "passkey-new.html", true, true},
		{RemovePasskey{}, "passkey-remove.html", true, true},
	}
}

// New reads what all pages share. An error means the program was built wrong, or that
// the site's language is none of Languages.
func New(site Site) (*Set, error) {
	all, err := tongues()
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].learn(site.Said[all[i].Tag])
	}
	return build(site, all)
}

// build makes the pages in each of the languages.
func build(site Site, all []tongue) (*Set, error) {
	if site.Name == "" {
		site.Name = "Deputy"
	}
	if site.Zone == nil {
		site.Zone = time.UTC
	}
	set := &Set{site: site, tongues: all}
	// The matcher takes the first when nothing fits.
	first := max(0, slices.IndexFunc(all, func(t tongue) bool { return t.Tag == site.Language }))
	if site.Language != "" && all[first].Tag != site.Language {
		return nil, fmt.Errorf("there are no words in the language %q", site.Language)
	}
	all[0], all[first] = all[first], all[0]
	var tags []language.Tag
	for i := range all {
		tags = append(tags, language.Make(all[i].Tag))
		pages, err := parsePages(site, &all[i])
		if err != nil {
			return nil, err
		}
		set.pages = append(set.pages, pages)
	}
	set.matcher = language.NewMatcher(tags)
	return set, nil
}

// parsePages makes every page in one language, each the first time it is shown: a
// page holds a copy of all that pages share, and together that is more than the rest
// of the program's memory.
func parsePages(site Site, t *tongue) (map[reflect.Type]page, error) {
	base, err := template.New("base").Funcs(words(site, t)).ParseFS(files, "layout.html", "parts.html", "terms.html")
	if err != nil {
		return nil, fmt.Errorf("parse layout: %w", err)
	}
	pages := make(map[reflect.Type]page)
	for _, l := range listing() {
		pages[reflect.TypeOf(l.page)] = page{sync.OnceValues(func() (*template.Template, error) {
			own, err := base.Clone()
			if err != nil {
				return nil, fmt.Errorf("clone layout for %s: %w", l.file, err)
			}
			return own.ParseFS(files, l.file)
		}), l.narrow, l.nav}
	}
	return pages, nil
}

// Languages lists the languages of the pages, BCP 47, the site's own first.
func (s *Set) Languages() []string {
	tags := make([]string, len(s.tongues))
	for i, t := range s.tongues {
		tags[i] = t.Tag
	}
	return tags
}

// Language is the language that fits the first wish that any fits, else the
// site's own. A wish is a list of languages as in Accept-Language (RFC 9110
// section 12.5.4); one that cannot be read is none.
func (s *Set) Language(wishes ...string) string {
	_, i := language.MatchStrings(s.matcher, wishes...)
	return s.tongues[i].Tag
}

// Say is what the program says in a language for an English text, as its pages say
// it. What nobody translated stays as it was written.
func (s *Set) Say(language, english string) string {
	i := slices.IndexFunc(s.tongues, func(t tongue) bool { return t.Tag == language })
	if i < 0 {
		return english
	}
	return string(s.tongues[i].own(english))
}

// view is what the layout is executed with.
type view struct {
	Frame
	Page        any
	Narrow, Nav bool
	Saves       bool // the form "answer" keeps its choices when the person chooses another account or language
	Stylesheet  string
	Here        string   // the frame's, or the request's
	Tongues     []tongue // that it can be read in
	Script      string   // "" on pages that need none
}

// scripted is a page that can ask for a passkey.
type scripted interface{ ceremony() Ceremony }

func (s SignIn) ceremony() Ceremony     { return s.Passkey }
func (p Prove) ceremony() Ceremony      { return p.Passkey }
func (n NewPasskey) ceremony() Ceremony { return n.Ceremony }
func (i Invitation) ceremony() Ceremony { return i.Ceremony }

// Render writes the page that belongs to the struct's type, whole or not at all.
// page is one of the page structs of this package, or a pointer to one. language
// is one of Languages. here is a path, to come back to in another language, for a
// page that does not say so itself; without either there is no switch.
func (s *Set) Render(w io.Writer, page any, language, here string) error {
	i := slices.IndexFunc(s.tongues, func(t tongue) bool { return t.Tag == language })
	if i < 0 {
		return fmt.Errorf("render %T: no language %q", page, language)
	}
	v := reflect.Indirect(reflect.ValueOf(page))
	if !v.IsValid() {
		return fmt.Errorf("render %T: %w", page, ErrNoPage)
	}
	p, known := s.pages[i][v.Type()]
	if !known {
		return fmt.Errorf("render %T: %w", page, ErrNoPage)
	}
	own := v.Interface().(framed)
	shown := view{Frame: own.frame(), Page: own, Narrow: p.narrow, Nav: p.nav, Here: cmp.Or(own.frame().Here, here), Tongues: s.tongues}
	shown.Stylesheet, _ = Stylesheet()
	_, shown.Saves = own.(Consent)
	if asks, can := own.(scripted); can && asks.ceremony() != (Ceremony{}) {
		shown.Script, _ = Script()
	}
	var whole bytes.Buffer
	made, err := p.template()
	if err == nil {
		err = made.ExecuteTemplate(&whole, "layout", shown)
	}
	if err != nil {
		return fmt.Errorf("render %T: %w", page, err)
	}
	if _, err := whole.WriteTo(w); err != nil {
		return fmt.Errorf("write %T: %w", page, err)
	}
	return nil
}

// Stylesheet returns the stylesheet and the name it is served under at /assets/.
// The name changes with the content, so that it may be cached for ever.
func Stylesheet() (name string, css []byte) {
	return named("style", ".css", stylesheet), bytes.Clone(stylesheet)
}

// Script returns the one script and the name it is served under at /assets/.
func Script() (name string, js []byte) {
	return named("passkey", ".js", script), bytes.Clone(script)
}

func named(name, kind string, content []byte) string {
	sum := sha256.Sum256(content)
	return name + "." + hex.EncodeToString(sum[:4]) + kind
}
