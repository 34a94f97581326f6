package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestInvitingByCommand(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	in := made(t, "", "user", "invite", "ana@example.com", "--data", data, "--name", "Ana")
	until, err := time.Parse(time.RFC3339, in["until"].(string))
	if err != nil || time.Until(until) < 6*24*time.Hour || in["mailed"] != false || !strings.HasPrefix(in["link"].(string), "http://localhost:8080/invitation?link=") {
		t.Errorf("invited: %v, %v", in, err)
	}
	if _, err := deputy(t, "", "user", "invite", "ana@example.com", "--data", data, "--in", "fr"); err == nil || !strings.Contains(err.Error(), `no mails in "fr", only in en and de`) {
		t.Errorf("in a language that there is not: %v", err)
	}
	again := made(t, "", "user", "invite", "Ana@Example.com", "--data", data)
	if again["user_id"] != in["user_id"] || again["link"] == in["link"] {
		t.Errorf("invited again: %v", again)
	}

	// Printed: a mail, and nothing that a script would read.
	var out, printed bytes.Buffer
	err = run(t.Context(), []string{"user", "invite", "bob@example.com", "--data", data, "--smtp-url", "log:", "--in", "de"}, nil, strings.NewReader(""), &out, &printed)
	if err != nil || !strings.Contains(out.String(), "mailed           true") || strings.Contains(out.String(), "link") || !strings.Contains(printed.String(), "\nhttp://localhost:8080/invitation?link=") || !strings.Contains(printed.String(), "Guten Tag,") {
		t.Errorf("printed: %q %q %v", out.String(), printed.String(), err)
	}

	// Again, in another language and under another name.
	printed.Reset()
	err = run(t.Context(), []string{"user", "invite", "bob@example.com", "--data", data, "--smtp-url", "log:", "--in", "en", "--name", "Robert"}, nil, strings.NewReader(""), &out, &printed)
	if err != nil || !strings.Contains(printed.String(), "Hello,") {
		t.Errorf("printed again: %q %v", printed.String(), err)
	}

	// A mail server that is not there: the operator gets the link instead.
	out.Reset()
	printed.Reset()
	err = run(t.Context(), []string{"user", "invite", "eve@example.com", "--data", data, "--smtp-url", "smtp://u:hunter2@127.0.0.1:1", "--mail-from", "deputy@example.com"}, nil, strings.NewReader(""), &out, &printed)
	if err != nil || !strings.Contains(out.String(), "/invitation?link=") || !strings.Contains(printed.String(), "could not be sent") || strings.Contains(printed.String()+out.String(), "hunter2") {
		t.Errorf("unsent: %q %q %v", out.String(), printed.String(), err)
	}

	if _, err := deputy(t, "correct-horse-battery", "user", "create", "--data", data, "--email", "carl@example.com", "--name", "Carl", "--password-stdin"); err != nil {
		t.Fatal(err)
	}
	for address, says := range map[string]string{"carl@example.com": "already", "carl": "not an e-mail address"} {
		if _, err := deputy(t, "", "user", "invite", address, "--data", data); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("inviting %s: %v", address, err)
		}
	}
}
