package mail

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	gomail "github.com/wneessen/go-mail"

	"github.com/deputy-oauth/deputy/internal/secret"
)

// server is somebody else's mail server, on this computer.
type server struct {
	mu     sync.Mutex
	user   string // who may send; "" for anybody
	refuse error
	from   string
	to     []string
	data   string
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }

type session struct {
	s    *server
	user string
}

func (c *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != c.s.user || password != "hunter2" {
			return smtp.ErrAuthFailed
		}
		c.user = user
		return nil
	}), nil
}

func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.user != c.s.user {
		return smtp.ErrAuthRequired
	}
	c.s.from = from
	return nil
}

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.to = append(c.s.to, to)
	return c.s.refuse
}

func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.data = string(raw)
	return err
}

func (c *session) Reset()        {}
func (c *session) Logout() error { return nil }

// start serves s and returns how to reach it.
func start(t *testing.T, s *server, encrypted bool) SMTP {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: encrypted, From: "Deputy <deputy@example.com>"}
	srv := smtp.NewServer(s)
	srv.Domain, srv.AllowInsecureAuth = "localhost", true
	if encrypted {
		web := httptest.NewTLSServer(nil) // for its certificate, which nobody trusts
		t.Cleanup(web.Close)
		srv.TLSConfig = web.TLS
		srv.ErrorLog = quiet{}
	}
	go func() {
		if encrypted {
			_ = srv.Serve(tls.NewListener(l, srv.TLSConfig))
			return
		}
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() { _ = srv.Close() })
	return out
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func TestAMessageArrivesAsItWasWritten(t *testing.T) {
	s := &server{user: "deputy"}
	out := start(t, s, false)
	out.User, out.Password = "deputy", secret.New("hunter2")
	text := "Grüße,\n\nhttps://deputy.example/reset?link=" + strings.Repeat("a", 300) + "\n\n.\nBcc: all@example.com\n"
	if err := out.Carry(t.Context(), Message{To: "Ana@example.com", Subject: "Ändern Sie “das”", Text: text}); err != nil {
		t.Fatal(err)
	}
	if s.from != "deputy@example.com" || len(s.to) != 1 || s.to[0] != "Ana@example.com" {
		t.Errorf("from %q to %q", s.from, s.to)
	}
	head, _, _ := strings.Cut(s.data, "\r\n\r\n")
	for _, want := range []string{"Auto-Submitted: auto-generated", "Content-Type: text/plain; charset=UTF-8", "Message-ID: <", "Date: ", "To: <Ana@example.com>"} {
		if !strings.Contains(head, want) {
			t.Errorf("the header has no %q:\n%s", want, head)
		}
	}
	if strings.Contains(head, "Bcc") || strings.Contains(head, "go-mail") {
		t.Errorf("the header:\n%s", head)
	}
	out.Password = secret.New("wrong")
	err := out.Carry(t.Context(), Message{To: "ana@example.com", Subject: "x", Text: "x"})
	if err == nil || errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong password: %v", err)
	}
}

// Nothing that a message holds begins another header or another recipient.
func TestNoHeaderIsInjected(t *testing.T) {
	s := &server{}
	out := start(t, s, false)
	for _, m := range []Message{
		{To: "ana@example.com", Subject: "x\r\nBcc: all@example.com"},
		{To: "ana@example.com", Subject: "x\nBcc: all@example.com"},
		{To: "ana@example.com\r\nBcc: all@example.com", Subject: "x"},
		{To: "ana@example.com, all@example.com", Subject: "x"},
		{To: "ana@example.com>\r\nRCPT TO:<all@example.com", Subject: "x"},
		{To: "", Subject: "x"},
	} {
		if err := out.Carry(t.Context(), m); !errors.Is(err, ErrRefused) {
			t.Errorf("%+v: %v", m, err)
		}
	}
	if len(s.to) != 0 {
		t.Errorf("recipients: %q", s.to)
	}
}

func TestWhatAServerSaysForGood(t *testing.T) {
	s := &server{}
	out := start(t, s, false)
	for code, good := range map[int]bool{550: true, 450: false} {
		s.refuse = &smtp.SMTPError{Code: code, Message: "not now"}
		if err := out.Carry(t.Context(), Message{To: "ana@example.com", Subject: "x", Text: "x"}); err == nil || errors.Is(err, ErrRefused) != good {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// A server that cannot show who it is gets nothing, and only on this computer is
// anything sent in the clear.
func TestNothingIsSentInTheClear(t *testing.T) {
	s := &server{}
	out := start(t, s, true)
	if err := out.Carry(t.Context(), Message{To: "ana@example.com", Subject: "x", Text: "x"}); err == nil || errors.Is(err, ErrRefused) || len(s.to) != 0 {
		t.Errorf("a certificate that nobody trusts: %v, recipients %q", err, s.to)
	}
	for host, want := range map[string]string{"mail.example.com": "TLSMandatory", "127.0.0.1": "NoTLS", "localhost": "NoTLS", "localhost.example.com": "TLSMandatory", "10.0.0.1": "TLSMandatory"} {
		client, err := gomail.NewClient(host, SMTP{Host: host, Port: 587}.options()...)
		if err != nil || client.TLSPolicy() != want {
			t.Errorf("%s: %s, %v", host, client.TLSPolicy(), err)
		}
	}
}

func TestAPrintedMessageIsOneBlock(t *testing.T) {
	var out bytes.Buffer
	if err := (&Console{Out: &out}).Carry(t.Context(), Message{To: "ana@example.com", Subject: "x\nTo: all", Text: "Hello,\n\nhttps://deputy.example/reset?link=a\n"}); err != nil {
		t.Fatal(err)
	}
	want := "\n---- A mail that is printed, not sent ----\nTo: ana@example.com\nSubject: x To: all\n\nHello,\n\nhttps://deputy.example/reset?link=a\n---- End of the mail ----\n\n"
	if out.String() != want {
		t.Errorf("printed %q", out.String())
	}
}
