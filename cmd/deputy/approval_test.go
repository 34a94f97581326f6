package main

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/server"
)

func TestAnAdministratorsCommands(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	user := made(t, "correct-horse-battery\n", "user", "create", "--data", data, "--email", "ana@example.com", "--name", "Ana", "--password-stdin")
	app := made(t, "", "app", "create", "--data", data, "--name", "Repo Scout", "--redirect-uri", "https://a.example/cb")
	id := app["client_id"].(string)
	if got := made(t, "", "policy", "set", "admin", "--data", data, "--risk", "4"); got["decides"] != "admin" || got["risk"] != 4.0 {
		t.Errorf("a rule for a risk: %v", got)
	}
	made(t, "", "policy", "set", "person", "--data", data, "--app", id, "--scope", "identity.email.read")
	if out, err := deputy(t, "", "policy", "list", "--data", data); err != nil || strings.Count(out, "\n") != 3 || !strings.Contains(out, id) {
		t.Errorf("policy list: %q %v", out, err)
	}
	for wrong, args := range map[string][]string{
		"there is no such scope": {"admin", "--scope", "identity.mail.read"},
		"give that one":          {"admin", "--scope", "email"},
		"there is no such app":   {"admin", "--app", "app_x"},
		"give one of them":       {"admin", "--scope", "identity.email.read", "--risk", "2"},
		"from 1, harmless, to 5": {"admin", "--risk", "6"},
		"there are admin":        {"nobody"},
	} {
		if _, err := deputy(t, "", append([]string{"policy", "set", "--data", data}, args...)...); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("policy set %v: %v", args, err)
		}
	}
	if _, err := deputy(t, "", "policy", "remove", "--data", data, "--risk", "4"); err != nil {
		t.Error(err)
	}
	if _, err := deputy(t, "", "policy", "remove", "--data", data, "--risk", "4"); err == nil {
		t.Error("a rule is removed twice")
	}

	petitioned(t, data, user["user_id"].(string), id)
	out, err := deputy(t, "", "approval", "list", "--data", data)
	if err != nil || !strings.Contains(out, `"ana@example.com"`) || !strings.Contains(out, `"Repo Scout"`) || !strings.Contains(out, id+"  true ") || !strings.Contains(out, `"\x1b[31mnow"`) {
		t.Errorf("approval list: %q %v", out, err)
	}
	if _, err := deputy(t, "", "approval", "list", "--data", data, "--state", "wating"); err == nil || !strings.Contains(err.Error(), "there are waiting, approved and refused") {
		t.Errorf("a state that is none: %v", err)
	}
	if got := made(t, "", "approval", "approve", "petition_1", "--data", data, "--answer", "Until June."); got["state"] != "approved" || got["client_id"] != id {
		t.Errorf("approve: %v", got)
	}
	if _, err := deputy(t, "", "approval", "approve", "petition_1", "--data", data); err == nil || !strings.Contains(err.Error(), "has this answer already") {
		t.Errorf("approved twice: %v", err)
	}
	if got := made(t, "", "approval", "refuse", "petition_1", "--data", data); got["state"] != "refused" {
		t.Errorf("refuse: %v", got)
	}
	if _, err := deputy(t, "", "approval", "refuse", "petition_2", "--data", data); err == nil {
		t.Error("what nobody asked for is refused")
	}
	if _, err := deputy(t, "", "approval", "approve", "petition_1", "--data", data, "--answer", strings.Repeat("a", 141)); err == nil || !strings.Contains(err.Error(), "140 characters") {
		t.Errorf("a long answer: %v", err)
	}
}

// petitioned stores what a person asked for, with what moves the cursor of a
// terminal in it.
func petitioned(t *testing.T, data, user, app string) {
	t.Helper()
	f, err := server.Prepare(t.Context(), config.Config{Data: data, ExternalURL: &url.URL{Scheme: "http", Host: "localhost:8080"}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	err = f.DB.Tx(t.Context(), func(ctx context.Context) error {
		return f.DB.Read(ctx).Exec(`INSERT INTO petitions (id, user_id, app_id, app_digest, scopes, state, why, answer, asked_at, answered_at, expires_at)
			VALUES ('petition_1', ?, ?, '', 'identity.email.read', 'waiting', ?, '', 1, 0, 4000000000000)`, user, app, "\x1b[31mnow").Error
	})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
