package vault_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

func TestAKeyFileIsPrivateAndOpensWhatItSealed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.key")
	made, err := vault.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o, want 0600", info.Mode().Perm())
	}
	sealed, err := made.Seal(place(), secret.New("token"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := vault.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := opened.Open(place(), sealed); err != nil || got.Reveal() != "token" {
		t.Errorf("open = %q, %v", got.Reveal(), err)
	}
	if made.Fingerprint() != opened.Fingerprint() {
		t.Error("the fingerprint changed between two starts")
	}
}

func TestCreateNeverReplacesAKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.key")
	if _, err := vault.Create(path); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Create(path); err == nil {
		t.Error("created over an existing key")
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key changed: %v", err)
	}
}

func TestThreat_C13_AKeyOthersCanUseIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644, 0o610, 0o601, 0o620, 0o602} {
		path := filepath.Join(t.TempDir(), "vault.key")
		if _, err := vault.Create(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.OpenFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v, want a refusal that says what to do", mode, err)
		}
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := vault.OpenFile(filepath.Join(dir, "absent")); err == nil {
		t.Error("an absent key opened")
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.OpenFile(dir); err == nil {
		t.Error("a directory opened")
	}
}

func TestALinkIsJudgedByWhatItPointsAt(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "vault.key"), filepath.Join(dir, "link")
	if _, err := vault.Create(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.OpenFile(link); err != nil {
		t.Errorf("our own link to a private key: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.OpenFile(link); err == nil {
		t.Error("a link to a public key opened")
	}
	if os.Geteuid() != 0 {
		return // only root can give a link away
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(link, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.OpenFile(link); err == nil {
		t.Error("somebody else's link opened")
	}
}

func TestAnotherUsersKeyIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := filepath.Join(t.TempDir(), "vault.key")
	if _, err := vault.Create(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.OpenFile(path); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("somebody else's key: %v", err)
	}
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vault.key")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func encode(t *testing.T, ks *tinkpb.Keyset) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := keyset.NewJSONWriter(&text).Write(ks); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func generated(t *testing.T, template *tinkpb.KeyTemplate) *tinkpb.Keyset {
	t.Helper()
	handle, err := keyset.NewHandle(template)
	if err != nil {
		t.Fatal(err)
	}
	return insecurecleartextkeyset.KeysetMaterial(handle)
}

func TestThreat_C13_AWeakKeyIsRefused(t *testing.T) {
	zeros := generated(t, aead.AES256GCMKeyTemplate())
	value := zeros.Key[0].KeyData.Value
	clear(value[len(value)-32:]) // an AES-GCM key ends with its 32 bytes
	typed := generated(t, aead.AES256GCMKeyTemplate())
	value = typed.Key[0].KeyData.Value
	copy(value[len(value)-32:], "changemechangemechangemechangeme")
	disabled := generated(t, aead.AES256GCMKeyTemplate())
	disabled.Key[0].Status = tinkpb.KeyStatusType_DISABLED

	for name, content := range map[string][]byte{
		"empty":         {},
		"not JSON":      []byte("correct horse battery staple"),
		"no keys":       []byte(`{"primaryKeyId":1,"key":[]}`),
		"half a file":   encode(t, generated(t, aead.AES256GCMKeyTemplate()))[:80],
		"all zeros":     encode(t, zeros),
		"typed in":      encode(t, typed),
		"disabled":      encode(t, disabled),
		"128 bits":      encode(t, generated(t, aead.AES128GCMKeyTemplate())),
		"without an id": encode(t, generated(t, aead.AES256GCMNoPrefixKeyTemplate())),
		"another kind":  encode(t, generated(t, mac.HMACSHA256Tag256KeyTemplate())),
		"too long":      bytes.Repeat([]byte(" "), 1<<20),
	} {
		_, err := vault.OpenFile(write(t, content))
		if err == nil {
			t.Errorf("%s: opened", name)
			continue
		}
		if strings.Contains(err.Error(), "horse") || strings.Contains(err.Error(), "changeme") {
			t.Errorf("%s: the error quotes the key: %v", name, err)
		}
	}
}

func TestThreat_C15_AReplacedKeyStillOpensWhatItSealed(t *testing.T) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	before, err := vault.OpenFile(write(t, encode(t, insecurecleartextkeyset.KeysetMaterial(handle))))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := before.Seal(place(), secret.New("token"))
	if err != nil {
		t.Fatal(err)
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(aead.XChaCha20Poly1305KeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.SetPrimary(id); err != nil {
		t.Fatal(err)
	}
	rotated, err := manager.Handle()
	if err != nil {
		t.Fatal(err)
	}
	after, err := vault.OpenFile(write(t, encode(t, insecurecleartextkeyset.KeysetMaterial(rotated))))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.Open(place(), sealed); err != nil || got.Reveal() != "token" {
		t.Errorf("open with the rotated keyset = %q, %v", got.Reveal(), err)
	}
	if before.Fingerprint() != after.Fingerprint() {
		t.Error("adding a key changed the fingerprint")
	}
}
