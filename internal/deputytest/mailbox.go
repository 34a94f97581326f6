package deputytest

import (
	"bytes"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Mailbox is a mail server on this computer that keeps what it gets for everybody.
type Mailbox struct {
	d    *Deputy
	port int

	mu     sync.Mutex
	got    []Mail
	refuse error
	asked  int // messages, refused ones too
}

// Mail is one that arrived.
type Mail struct {
	Envelope string // whom the server was told to give it to
	Header   mail.Header
	Subject  string
	Text     string
}

// Link is the one link of ours in it that does something, as a path; "" when there is
// none.
func (m Mail) Link() string {
	found := regexp.MustCompile(`(?m)^https?://[^/\s]+(/\S+\?link=\S+)\s*$`).FindStringSubmatch(m.Text)
	if found == nil {
		return ""
	}
	return found[1]
}

func newMailbox(d *Deputy) *Mailbox {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	d.must(err)
	m := &Mailbox{d: d, port: l.Addr().(*net.TCPAddr).Port}
	s := smtp.NewServer(m)
	s.Domain, s.ReadTimeout, s.WriteTimeout = "localhost", 10*time.Second, 10*time.Second
	go s.Serve(l) // ends with Close
	d.t.Cleanup(func() { _ = s.Close() })
	return m
}

// NewSession implements smtp.Backend.
func (m *Mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivery{box: m}, nil }

// Refuse makes the server answer every message with an error; nil takes them again.
func (m *Mailbox) Refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = err
}

// Asked is how many messages it was offered.
func (m *Mailbox) Asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// All is what arrived, after the server sent what is due.
func (m *Mailbox) All() []Mail {
	m.d.t.Helper()
	m.d.SendMail()
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Mail(nil), m.got...)
}

// To is what arrived for one address; the test fails when it is not n mails.
func (m *Mailbox) To(address string, n int) []Mail {
	m.d.t.Helper()
	var to []Mail
	for _, one := range m.All() {
		if strings.EqualFold(one.Envelope, address) {
			to = append(to, one)
		}
	}
	if len(to) != n {
		m.d.t.Fatalf("%d mails for %s, want %d: %+v", len(to), address, n, to)
	}
	return to
}

// SendMail has the server send everything that is due, and waits for it.
func (d *Deputy) SendMail() {
	d.t.Helper()
	d.must(d.Server.SendMail(d.t.Context()))
}

// delivery is one conversation with the server.
type delivery struct {
	box *Mailbox
	to  string
}

func (s *delivery) Mail(string, *smtp.MailOptions) error { return nil }

func (s *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.to = to
	s.box.asked++
	return s.box.refuse
}

func (s *delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil {
		return err
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.got = append(s.box.got, Mail{Envelope: s.to, Header: msg.Header, Subject: subject, Text: strings.ReplaceAll(string(text), "\r\n", "\n")})
	return nil
}

func (s *delivery) Reset()        {}
func (s *delivery) Logout() error { return nil }
