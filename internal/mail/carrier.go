package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/deputy-oauth/deputy/internal/loopback"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// patience bounds the way to a connection, and each answer after it.
const patience = 20 * time.Second

// SMTP hands messages to a mail server (RFC 5321). The connection is encrypted, by
// STARTTLS (RFC 3207) or from its first byte (RFC 8314), unless the server is on
// this computer.
type SMTP struct {
	Host     string
	Port     int
	TLS      bool // from the first byte
	User     string
	Password secret.Text
	From     string // an address, or "Name <address>"
}

// Carry implements Carrier.
func (s SMTP) Carry(ctx context.Context, m Message) error {
	msg, err := s.message(m)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	client, err := gomail.NewClient(s.Host, s.options()...)
	if err != nil {
		return fmt.Errorf("set up the mail client: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = client.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() {
		return nil // whatever went wrong in taking leave
	}
	var refused *gomail.SendError
	// Only what the server says about this recipient (RFC 5321 section 4.2.1) is for
	// good: everything else passes, or an operator can put it right.
	if errors.As(err, &refused) && refused.Reason == gomail.ErrSMTPRcptTo && refused.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err != nil {
		return fmt.Errorf("send by %s: %w", net.JoinHostPort(s.Host, fmt.Sprint(s.Port)), err)
	}
	return nil
}

// message is m as it goes over the wire. Addresses are parsed and written anew, and
// the subject is encoded, so that no value begins another header.
func (s SMTP) message(m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(s.From); err != nil {
		return nil, fmt.Errorf("the sender: %w", err)
	}
	if err := msg.To(m.To); err != nil {
		return nil, fmt.Errorf("the recipient: %w", err)
	}
	if strings.ContainsAny(m.Subject, "\r\n") {
		return nil, errors.New("a subject of several lines")
	}
	msg.Subject(m.Subject)
	msg.SetMessageID()
	msg.SetDate()
	// Programs that answer mails leave this one alone (RFC 3834 section 5).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	return msg, nil
}

func (s SMTP) options() []gomail.Option {
	options := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTimeout(patience), gomail.WithTLSPolicy(gomail.TLSMandatory)}
	auth := gomail.SMTPAuthAutoDiscover
	switch {
	case s.TLS:
		options = append(options, gomail.WithSSL())
	case loopback.Is(s.Host):
		// What never leaves this computer needs no certificate.
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
		auth = gomail.SMTPAuthPlainNoEnc
	}
	if s.User != "" {
		options = append(options, gomail.WithSMTPAuth(auth), gomail.WithUsername(s.User), gomail.WithPassword(s.Password.Reveal()))
	}
	return options
}

// Console prints messages instead of sending them, for trying out.
type Console struct {
	Out io.Writer
	mu  sync.Mutex
}

// Carry implements Carrier.
func (c *Console) Carry(_ context.Context, m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	line := func(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }
	_, err := fmt.Fprintf(c.Out, "\n---- A mail that is printed, not sent ----\nTo: %s\nSubject: %s\n\n%s\n---- End of the mail ----\n\n", line(m.To), line(m.Subject), strings.TrimSpace(m.Text))
	return err
}
