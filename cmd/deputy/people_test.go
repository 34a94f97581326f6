package main

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/server"
)

// behind opens the data of commands, to put into it what a person does in a browser
// and to see what a command left.
func behind(t *testing.T, data string, work func(ctx context.Context, f *server.Foundation)) {
	t.Helper()
	at, err := url.Parse("http://localhost:8080")
	if err != nil {
		t.Fatal(err)
	}
	f, err := server.Prepare(t.Context(), config.Config{Data: data, ExternalURL: at, AllowLoopback: true}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	work(t.Context(), f)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestResettingASignInByCommand(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, name := range []string{"ana", "ben"} {
		made(t, "correct-horse-battery", "user", "create", "--data", data, "--email", name+"@example.com", "--name", name, "--password-stdin")
	}
	behind(t, data, func(ctx context.Context, f *server.Foundation) {
		err := f.DB.Tx(ctx, func(ctx context.Context) error {
			for _, statement := range []string{
				"INSERT INTO passkeys (id, user_id, credential_id, public_key, counter, flags, transports, name, created_at) SELECT 'key of ' || name, id, CAST(name AS BLOB), x'00', 1, 0, '', 'phone', 1 FROM users",
				"INSERT INTO passkeys (id, user_id, credential_id, public_key, counter, flags, transports, name, created_at) SELECT 'second of ' || name, id, CAST('2' || name AS BLOB), x'00', 1, 0, '', 'laptop', 1 FROM users",
				"INSERT INTO one_time_codes (user_id, secret, last_step, created_at) SELECT id, x'00', 1, 1 FROM users",
				"INSERT INTO recovery_codes (hash, user_id) SELECT CAST(name AS BLOB), id FROM users",
				"INSERT INTO sessions (id, token_hash, user_id, created_at, seen_at, expires_at, user_agent, address) SELECT 'session of ' || name, CAST(name AS BLOB), id, 1, 1, 9000000000000, '', '' FROM users",
			} {
				if err := f.DB.Read(ctx).Exec(statement).Error; err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if got := made(t, "", "user", "reset", "--data", data, "--email", "ANA@example.com"); got["passkeys_removed"] != 2.0 || got["codes_turned_off"] != true {
		t.Errorf("reset: %v", got)
	}
	behind(t, data, func(ctx context.Context, f *server.Foundation) {
		for statement, want := range map[string]int{
			"SELECT count(*) FROM passkeys p JOIN users u ON u.id = p.user_id WHERE u.name = 'ana'":                          0,
			"SELECT count(*) FROM one_time_codes p JOIN users u ON u.id = p.user_id WHERE u.name = 'ana'":                    0,
			"SELECT count(*) FROM recovery_codes p JOIN users u ON u.id = p.user_id WHERE u.name = 'ana'":                    0,
			"SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.name = 'ana' AND s.ended_at IS NULL":   0,
			"SELECT count(*) FROM audit a JOIN users u ON u.id = a.user_id WHERE u.name = 'ana' AND a.kind = 'signin.reset'": 1,
			"SELECT count(*) FROM users WHERE name = 'ana' AND password_hash <> ''":                                          1,
			"SELECT count(*) FROM passkeys p JOIN users u ON u.id = p.user_id WHERE u.name = 'ben'":                          2,
			"SELECT count(*) FROM one_time_codes p JOIN users u ON u.id = p.user_id WHERE u.name = 'ben'":                    1,
			"SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.name = 'ben' AND s.ended_at IS NULL":   1,
		} {
			var got int
			if err := f.DB.Read(ctx).Raw(statement).Scan(&got).Error; err != nil || got != want {
				t.Errorf("%s: %d, want %d, %v", statement, got, want, err)
			}
		}
	})
	// A second time there is nothing to take away, and it says so.
	out, err := deputy(t, "", "user", "reset", "--data", data, "--email", "ana@example.com")
	if err != nil || !strings.Contains(out, "passkeys_removed 0") || !strings.Contains(out, "codes_turned_off false") {
		t.Errorf("reset again: %q %v", out, err)
	}
	if _, err := deputy(t, "", "user", "reset", "--data", data, "--email", "nobody@example.com"); err == nil || !strings.Contains(err.Error(), "There is no account with this e-mail address.") {
		t.Errorf("reset of nobody: %v", err)
	}
	if _, err := deputy(t, "", "user", "reset", "--data", data); err == nil || !strings.Contains(err.Error(), "email") {
		t.Errorf("reset without an address: %v", err)
	}
}

func TestSignInProvidersByCommand(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	set := []string{"sign-in-provider", "set", "northwind", "--data", data, "--issuer", "https://id.northwind.example", "--client-id", "deputy"}
	all := append(set, "--name", "Northwind", "--client-secret-stdin", "--allow-domain", "Northwind.example", "--allow-domain", "nw.example")
	out, err := deputy(t, "s3cret-of-northwind\n", all...)
	if err != nil || !strings.Contains(out, "http://localhost:8080/signin/with/northwind/callback") || strings.Contains(out, "s3cret") {
		t.Errorf("set: %q %v", out, err)
	}
	shown := func() (names []string) {
		behind(t, data, func(ctx context.Context, f *server.Foundation) {
			list, err := f.Store.SignInProviders(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range list {
				names = append(names, p.Name+" "+p.Issuer+" "+strings.Join(p.Domains, ","))
				if strings.Contains(string(p.Sealed), "s3cret") {
					t.Error("the secret is stored as it is")
				}
			}
		})
		return names
	}
	if got := shown(); len(got) != 1 || got[0] != "Northwind https://id.northwind.example northwind.example,nw.example" {
		t.Errorf("stored: %q", got)
	}
	// The same id again replaces it.
	if _, err := deputy(t, "another", append(set, "--client-secret-stdin")...); err != nil {
		t.Error(err)
	}
	if got := shown(); len(got) != 1 || got[0] != "northwind https://id.northwind.example " {
		t.Errorf("replaced: %q", got)
	}
	for says, args := range map[string][]string{
		"pipe the client secret in":  set,
		"issuer: this must be https": {"sign-in-provider", "set", "x", "--data", data, "--issuer", "http://id.northwind.example", "--client-id", "d", "--client-secret-stdin"},
		"id: use small letters":      {"sign-in-provider", "set", "a/b", "--data", data, "--issuer", "https://id.northwind.example", "--client-id", "d", "--client-secret-stdin"},
		"allow-domain com":           {"sign-in-provider", "set", "x", "--data", data, "--issuer", "https://id.northwind.example", "--client-id", "d", "--client-secret-stdin", "--allow-domain", "com"},
		"accepts 1 arg":              {"sign-in-provider", "set", "--data", data, "--issuer", "https://x.example", "--client-id", "d", "--client-secret-stdin"},
	} {
		if out, err := deputy(t, "s3cret", args...); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(out+err.Error(), "s3cret") {
			t.Errorf("%s: %q %v", says, out, err)
		}
	}
	if _, err := deputy(t, "", "sign-in-provider", "remove", "northwind", "--data", data); err != nil || len(shown()) != 0 {
		t.Errorf("removed: %v, and there is %q", err, shown())
	}
	if _, err := deputy(t, "", "sign-in-provider", "remove", "northwind", "--data", data); err == nil || !strings.Contains(err.Error(), `There is no sign-in provider "northwind".`) {
		t.Errorf("removed twice: %v", err)
	}
}
