package config

import (
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/url"
	"strconv"

	"github.com/deputy-oauth/deputy/internal/secret"
)

// Mail says how mails leave this server.
type Mail struct {
	Print    bool   // to the log instead of sending them
	Host     string // of the mail server; "" with Print, and when no mail can be sent
	Port     int
	TLS      bool // encrypted from the first byte, without STARTTLS
	User     string
	Password secret.Text
	// Out is where Print prints; nil means standard error. It is no setting.
	Out  io.Writer
	From string // "deputy@example.com" or "Deputy <deputy@example.com>"
}

// On reports whether mails go anywhere.
func (m Mail) On() bool { return m.Print || m.Host != "" }

// PrintMail is the smtp-url that prints mails, for trying out.
const PrintMail = "log:"

// The ports of RFC 6409 and RFC 8314.
const (
	submissionPort  = 587
	submissionsPort = 465
)

// readMail reads both settings. Its errors never repeat the URL: it may have a
// password.
func readMail(raw, from string) (Mail, error) {
	m := Mail{Print: raw == PrintMail, From: from}
	if raw == "" || m.Print {
		return m, nil
	}
	const form = "; write it like smtp://user:password@mail.example.com"
	u, err := url.Parse(raw)
	switch {
	case err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "":
		return m, errors.New(SMTPURL + ": this is not an smtp:// or smtps:// URL" + form)
	case (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "":
		return m, errors.New(SMTPURL + ": it has more than user, password, host and port" + form)
	}
	m.Host, m.Port, m.TLS = u.Hostname(), submissionPort, u.Scheme == "smtps"
	if m.TLS {
		m.Port = submissionsPort
	}
	if port := u.Port(); port != "" {
		if m.Port, err = strconv.Atoi(port); err != nil || m.Port < 1 || m.Port > 65535 {
			return m, errors.New(SMTPURL + ": its port is none" + form)
		}
	}
	password, _ := u.User.Password()
	m.User, m.Password = u.User.Username(), secret.New(password)
	if _, err := mail.ParseAddress(from); err != nil {
		return m, fmt.Errorf("%s: %q is no e-mail address; people see it as the sender of mails", MailFrom, from)
	}
	return m, nil
}
