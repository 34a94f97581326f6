package config_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestMail(t *testing.T) {
	const from = "Deputy <deputy@example.com>"
	for raw, want := range map[string]string{
		"smtp://mail.example.com":                           "mail.example.com 587 false  ",
		"smtp://ana%40example.com:hunter2@mail.example.com": "mail.example.com 587 false ana@example.com hunter2",
		"smtps://u:p%2F@mail.example.com:2465/":             "mail.example.com 2465 true u p/",
		"smtps://mail.example.com":                          "mail.example.com 465 true  ",
		"smtp://[::1]:25":                                   "::1 25 false  ",
	} {
		cfg, err := load(t, []string{"DEPUTY_SMTP_URL=" + raw}, "--mail-from", from)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		m := cfg.Mail
		if got := fmt.Sprint(m.Host, " ", m.Port, " ", m.TLS, " ", m.User, " ", m.Password.Reveal()); got != want || !m.On() || m.Print {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
		if printed := fmt.Sprintf("%+v", m); strings.Contains(printed, "hunter2") {
			t.Errorf("the settings print the password: %s", printed)
		}
	}
	if cfg, err := load(t, nil); err != nil || cfg.Mail.On() {
		t.Errorf("without a setting: %+v, %v", cfg.Mail, err)
	}
	if cfg, err := load(t, nil, "--smtp-url", "log:"); err != nil || !cfg.Mail.Print || !cfg.Mail.On() {
		t.Errorf("printing: %+v, %v", cfg.Mail, err)
	}
	for raw, says := range map[string]string{
		"mail.example.com":                     "not an smtp:// or smtps:// URL",
		"https://u:hunter2@mail.example.com":   "not an smtp:// or smtps:// URL",
		"smtp://u:hunter2@":                    "not an smtp:// or smtps:// URL",
		"smtp://u:hunter2@mail.example.com/x":  "more than",
		"smtp://u:hunter2@mail.example.com?x":  "more than",
		"smtp://u:hunter2@mail.example.com:0":  "port",
		"smtp://u:hunter2@mail.example.com:xx": "not an smtp:// or smtps:// URL",
		"smtp://u:hunter2@%zz":                 "not an smtp:// or smtps:// URL",
	} {
		if _, err := load(t, nil, "--smtp-url", raw, "--mail-from", from); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, bad := range []string{"", "deputy", "a@b.example\r\nBcc: all@example.com"} {
		if _, err := load(t, nil, "--smtp-url", "smtp://mail.example.com", "--mail-from", bad); err == nil || !strings.Contains(err.Error(), "mail-from") {
			t.Errorf("from %q: %v", bad, err)
		}
	}
}
