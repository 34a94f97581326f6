package deputytest

import (
	"github.com/descope/virtualwebauthn"
)

// Device keeps one passkey, and answers in a browser's stead. Change its parts to
// have it lie.
type Device struct {
	Site          virtualwebauthn.RelyingParty // where the browser says it is
	Authenticator virtualwebauthn.Authenticator
	Key           virtualwebauthn.Credential
}

// Device is a new device, with a key for the server that nobody knows yet. The
// server needs a name for it: see Options.Named.
func (d *Deputy) Device() *Device {
	dev := &Device{
		Site:          virtualwebauthn.RelyingParty{ID: "localhost", Name: "Northwind", Origin: d.URL},
		Authenticator: virtualwebauthn.NewAuthenticator(),
	}
	// The library drops leading zeros of coordinates, which no authenticator may.
	const whole = 77 // bytes of a COSE key on P-256
	for dev.Key.Key == nil || len(dev.Key.Key.AttestationData()) != whole {
		dev.Key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	return dev
}

// Made answers a form that makes a passkey: the device now keeps its owner, too.
func (f *Form) Made(dev *Device) *Form {
	f.page.b.t.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(attribute(f.node, "data-options"))
	f.page.b.must(err)
	dev.Authenticator.Options.UserHandle = []byte(options.UserID)
	return f.Set("answer", virtualwebauthn.CreateAttestationResponse(dev.Site, dev.Authenticator, dev.Key, *options))
}

// Signed answers a form that asks for a passkey. The device counts its signatures.
func (f *Form) Signed(dev *Device) *Form {
	f.page.b.t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(attribute(f.node, "data-options"))
	f.page.b.must(err)
	dev.Key.Counter++
	return f.Set("answer", virtualwebauthn.CreateAssertionResponse(dev.Site, dev.Authenticator, dev.Key, *options))
}

// AddPasskey adds a passkey on a new device to whoever is signed in, just now.
func (b *Browser) AddPasskey() *Device {
	b.t.Helper()
	dev := b.d.Device()
	done := b.Get("/sessions/passkeys/new").Form("/sessions/passkeys").Made(dev).Submit("")
	if done.Status != 200 || done.URL.Path != "/sessions/passkeys" {
		b.t.Fatalf("a passkey was not added: %d at %s: %s", done.Status, done.URL, done.Text())
	}
	return dev
}
