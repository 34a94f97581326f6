package simulator

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"time"
)

// mail is one message in one mailbox.
type mail struct {
	id, thread    string
	from          string // as in the header
	to, cc, bcc   []string
	subject, text string
	inReplyTo     string
	attachments   []attachment
	labels        []string
	date          time.Time
	history       int
}

// attachment is a file in a message.
type attachment struct {
	name, kind string
	content    []byte
}

// draft is a message that was not sent.
type draft struct {
	id      string
	message *mail
}

// mailbox is what one person has at Gmail.
type mailbox struct {
	messages []*mail // oldest first
	drafts   []*draft
	labels   []mailLabel
	serial   int
}

// mailLabel is a label; those of Google itself have their name as id.
type mailLabel struct{ id, name string }

func newMailbox() *mailbox {
	b := &mailbox{}
	for _, name := range []string{"INBOX", "SENT", "DRAFT", "TRASH", "SPAM", "UNREAD", "STARRED", "IMPORTANT", "CATEGORY_UPDATES"} {
		b.labels = append(b.labels, mailLabel{name, name})
	}
	return b
}

func (l mailLabel) system() bool { return l.id == l.name }

func (b *mailbox) addLabel(name string) {
	count := 1
	for _, l := range b.labels {
		if !l.system() {
			count++
		}
	}
	b.labels = append(b.labels, mailLabel{fmt.Sprintf("Label_%d", count), name})
}

// label finds a label by its id.
func (b *mailbox) label(id string) *mailLabel {
	for i, l := range b.labels {
		if l.id == id {
			return &b.labels[i]
		}
	}
	return nil
}

// deliver puts a message into the box, in a thread of its own unless one is
// named, and forgets the oldest beyond the limit.
func (b *mailbox) deliver(m *mail, thread string, labels ...string) {
	b.serial++
	m.id, m.history, m.labels = fmt.Sprintf("18c%013x", b.serial), b.serial, labels
	m.thread = thread
	if thread == "" {
		m.thread = m.id
	}
	b.messages = append(b.messages, m)
	if len(b.messages) > maxMails {
		b.messages = slices.Clone(b.messages[len(b.messages)-maxMails:])
	}
}

func (b *mailbox) message(id string) *mail {
	for _, m := range b.messages {
		if m.id == id {
			return m
		}
	}
	return nil
}

// threadOf are the messages of a thread, oldest first.
func (b *mailbox) threadOf(id string) []*mail {
	var list []*mail
	for _, m := range b.messages {
		if m.thread == id && !slices.Contains(m.labels, "DRAFT") {
			list = append(list, m)
		}
	}
	return list
}

func (m *mail) snippet() string { return strings.TrimSpace(strings.SplitN(m.text, "\n", 2)[0]) }

// header are the lines above the text. Blind copies are in none but the
// sender's own.
func (m *mail) header() [][2]string {
	lines := [][2]string{{"From", m.from}, {"To", strings.Join(m.to, ", ")}}
	if len(m.cc) > 0 {
		lines = append(lines, [2]string{"Cc", strings.Join(m.cc, ", ")})
	}
	if len(m.bcc) > 0 {
		lines = append(lines, [2]string{"Bcc", strings.Join(m.bcc, ", ")})
	}
	lines = append(lines, [2]string{"Subject", m.subject}, [2]string{"Date", m.date.UTC().Format(time.RFC1123Z)},
		[2]string{"Message-ID", "<" + m.id + "@mail.gmail.com>"}, [2]string{"MIME-Version", "1.0"})
	if m.inReplyTo != "" {
		lines = append(lines, [2]string{"In-Reply-To", m.inReplyTo})
	}
	return lines
}

// source is the whole message as it travels (RFC 5322).
func (m *mail) source() []byte {
	var out bytes.Buffer
	for _, line := range m.header() {
		fmt.Fprintf(&out, "%s: %s\r\n", line[0], mime.QEncoding.Encode("utf-8", line[1]))
	}
	if len(m.attachments) == 0 {
		fmt.Fprintf(&out, "Content-Type: text/plain; charset=utf-8\r\n\r\n%s", m.text)
		return out.Bytes()
	}
	const boundary = "000000000000simulated"
	fmt.Fprintf(&out, "Content-Type: multipart/mixed; boundary=%q\r\n\r\n--%s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s", boundary, boundary, m.text)
	for _, a := range m.attachments {
		fmt.Fprintf(&out, "\r\n--%s\r\nContent-Type: %s\r\nContent-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n%s",
			boundary, a.kind, a.name, base64.StdEncoding.EncodeToString(a.content))
	}
	fmt.Fprintf(&out, "\r\n--%s--\r\n", boundary)
	return out.Bytes()
}

// readMail reads a message as it travels.
func readMail(source []byte) (*mail, error) {
	parsed, err := netmail.ReadMessage(bytes.NewReader(source))
	if err != nil {
		return nil, err
	}
	words := mime.WordDecoder{}
	m := &mail{inReplyTo: parsed.Header.Get("In-Reply-To")}
	m.subject, err = words.DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil {
		return nil, err
	}
	for name, place := range map[string]*[]string{"To": &m.to, "Cc": &m.cc, "Bcc": &m.bcc} {
		if parsed.Header.Get(name) == "" {
			continue
		}
		list, err := parsed.Header.AddressList(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, a := range list {
			*place = append(*place, a.Address)
		}
	}
	return m, m.readBody(parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), "", parsed.Body, 0)
}

// readBody reads a part: the first text is the text, what has a name is an
// attachment, parts of parts are read likewise.
func (m *mail) readBody(contentType, encoding, name string, body io.Reader, depth int) error {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if contentType == "" || err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && depth < 5 {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			err = m.readBody(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part.FileName(), part, depth+1)
			if err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	switch {
	case err != nil:
		return err
	case name != "":
		m.attachments = append(m.attachments, attachment{name, kind, content})
	case m.text == "" && kind == "text/plain", m.text == "":
		m.text = strings.ReplaceAll(string(content), "\r\n", "\n")
	}
	return nil
}
