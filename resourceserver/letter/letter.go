// Package letter reads an e-mail that an app composed and writes it anew: who it is to,
// what it is about, what it answers, one text, the same as HTML, and files. What an app
// sends never goes on as it came, so nothing can stand in it that nobody looked at.
//
// Who it is from, its date and its id are left out: the mailbox it goes through says
// them. What would lead answers elsewhere or ask for more than to be read is refused.
//
// It does not own who may be written to, or how a letter travels.
package letter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

// The bounds of a letter.
const (
	maxRecipients = 50
	maxSubject    = 900 // characters
	maxFiles      = 20
	maxIDs        = 50
	maxDepth      = 4 // parts inside parts
)

// Letter is an e-mail, read and found to be one that may be written.
type Letter struct {
	To, Cc, Bcc []*mail.Address
	Subject     string
	InReplyTo   []string
	References  []string
	Text, HTML  string // one of them at least, or both
	Files       []File
}

// File is something that goes with a letter.
type File struct {
	Name string
	Kind string // media type
	Data []byte
}

// Recipients lists the addresses it goes to, in small letters, each once.
func (l Letter) Recipients() []string {
	var out []string
	for _, a := range slices.Concat(l.To, l.Cc, l.Bcc) {
		out = append(out, strings.ToLower(a.Address))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// kept are the headers that go on; left are those that are said by the mailbox or by
// who writes the letter anew. Any other is refused.
var (
	kept = set("To", "Cc", "Bcc", "Subject", "In-Reply-To", "References", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition")
	left = set("From", "Date", "Message-Id", "Mime-Version", "X-Mailer", "User-Agent", "Content-Language")
)

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// Read reads an e-mail (RFC 5322, RFC 2045). The error says what is wrong with it, and
// repeats nothing of it but the name of a header.
func Read(text []byte) (Letter, error) {
	e, err := message.Read(bytes.NewReader(text))
	if err != nil {
		return Letter{}, unreadable(err)
	}
	l := Letter{}
	if err := l.readHeader(mail.Header{Header: e.Header}); err != nil {
		return Letter{}, err
	}
	if err := l.readPart(e, 0); err != nil {
		return Letter{}, err
	}
	return l, nil
}

func unreadable(err error) error {
	if message.IsUnknownCharset(err) {
		return errors.New("it must be written in UTF-8")
	}
	if message.IsUnknownEncoding(err) {
		return errors.New("it is encoded in an unknown way")
	}
	return errors.New("it is no e-mail")
}

func (l *Letter) readHeader(h mail.Header) error {
	seen := map[string]bool{}
	for fields := h.Fields(); fields.Next(); {
		switch name := fields.Key(); {
		case !kept[name] && !left[name]:
			return fmt.Errorf("the header %.40q is not offered", name)
		case seen[name]:
			return fmt.Errorf("the header %q stands twice", name)
		default:
			seen[name] = true
		}
	}
	for name, to := range map[string]*[]*mail.Address{"To": &l.To, "Cc": &l.Cc, "Bcc": &l.Bcc} {
		var err error
		if *to, err = addresses(h, name); err != nil {
			return err
		}
	}
	if n := len(l.To) + len(l.Cc) + len(l.Bcc); n > maxRecipients {
		return fmt.Errorf("it is to more than %d people", maxRecipients)
	}
	var err error
	l.Subject, err = h.Subject()
	if err != nil || !line(l.Subject, maxSubject) {
		return errors.New("the subject is not one line of text")
	}
	if l.InReplyTo, err = ids(h, "In-Reply-To"); err != nil {
		return err
	}
	l.References, err = ids(h, "References")
	return err
}

// address is the one spelling of an address that is written to: no quotes, no comments,
// no letters that look like others.
var address = regexp.MustCompile(`\A[A-Za-z0-9.!#$&'*+/=?^_{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}\z`)

func addresses(h mail.Header, name string) ([]*mail.Address, error) {
	if strings.TrimSpace(h.Get(name)) == "" {
		return nil, nil
	}
	list, err := h.AddressList(name)
	if err != nil {
		return nil, fmt.Errorf("%s is no list of addresses", name)
	}
	for _, a := range list {
		if !address.MatchString(a.Address) || len(a.Address) > 254 || !line(a.Name, maxSubject) {
			return nil, fmt.Errorf("%s has an address that cannot be written to", name)
		}
	}
	return list, nil
}

// messageID is the id of another e-mail, without its brackets.
var messageID = regexp.MustCompile(`\A[!-;=?-~]{1,400}\z`)

func ids(h mail.Header, name string) ([]string, error) {
	list, err := h.MsgIDList(name)
	if err != nil || len(list) > maxIDs || slices.ContainsFunc(list, func(id string) bool { return !messageID.MatchString(id) }) {
		return nil, fmt.Errorf("%s is no list of message ids", name)
	}
	return list, nil
}

// line reports whether text is one line that can be read.
func line(text string, most int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= most &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029' })
}

// readPart reads a part of the letter, with the parts inside of it.
func (l *Letter) readPart(e *message.Entity, depth int) error {
	parts := e.MultipartReader()
	if parts == nil {
		return l.readBody(e)
	}
	if depth == maxDepth {
		return errors.New("its parts are too deep inside others")
	}
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF && n > 0:
			return nil
		case err != nil:
			return unreadable(err)
		case n > maxFiles+2:
			return fmt.Errorf("it has more than %d files", maxFiles)
		}
		if err := l.readPart(part, depth+1); err != nil {
			return err
		}
	}
}

// readBody reads a text or a file.
func (l *Letter) readBody(e *message.Entity) error {
	kind, _, err := e.Header.ContentType()
	if err != nil {
		return errors.New("a part does not say of which kind it is")
	}
	how, named, err := e.Header.ContentDisposition()
	if err != nil && e.Header.Has("Content-Disposition") {
		return errors.New("a part does not say how it is shown")
	}
	data, err := io.ReadAll(e.Body) // of a message that was bounded
	if err != nil {
		return errors.New("a part is not encoded as it says")
	}
	if how == "attachment" || named["filename"] != "" {
		return l.attach(File{named["filename"], kind, data})
	}
	text := map[string]*string{"text/plain": &l.Text, "text/html": &l.HTML}[kind]
	switch {
	case text == nil:
		return errors.New("it has a part that is neither text, HTML nor a file with a name")
	case *text != "":
		return errors.New("it has more than one text")
	case !utf8.Valid(data) || bytes.ContainsRune(data, 0):
		return errors.New("it must be written in UTF-8")
	}
	*text = string(data)
	return nil
}

// attach adds a file. Some kinds are more than files to who gets them: another e-mail, or
// an invitation.
func (l *Letter) attach(f File) error {
	if len(l.Files) == maxFiles {
		return fmt.Errorf("it has more than %d files", maxFiles)
	}
	if f.Name == "" || !line(f.Name, 200) || strings.ContainsAny(f.Name, `/\`) {
		return errors.New("a file needs a plain name")
	}
	family, _, _ := strings.Cut(f.Kind, "/")
	if slices.Contains([]string{"multipart", "message"}, family) || slices.Contains([]string{"text/calendar", "application/ics"}, f.Kind) || mime.FormatMediaType(f.Kind, nil) == "" {
		return errors.New("a file is of a kind that is not offered")
	}
	l.Files = append(l.Files, f)
	return nil
}
