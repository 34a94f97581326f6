package onetime

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/deputy-oauth/deputy/internal/secret"
)

// newSecret returns 160 random bits (RFC 4226 section 4 R6), in base32.
func newSecret() secret.Text {
	raw := make([]byte, 20)
	rand.Read(raw)
	return secret.New(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw))
}

// link is what an app reads from the square: otpauth://totp/….
func link(issuer, account string, key secret.Text) (string, error) {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key.Reveal())
	if err != nil {
		return "", err
	}
	k, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: account, Period: period, Secret: raw, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", err
	}
	return k.URL(), nil
}

// square draws text as a QR code: the side in modules, with a rim of four, and the
// path of the dark ones.
func square(text string) (side int, path string, err error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return 0, "", fmt.Errorf("draw a QR code: %w", err)
	}
	const rim = 4 // ISO/IEC 18004 section 9.1
	size := code.Bounds().Dx()
	dark := func(x, y int) bool { r, _, _, _ := code.At(x, y).RGBA(); return r == 0 }
	var out strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			start := x
			for x < size && dark(x, y) {
				x++
			}
			if n := x - start; n > 0 {
				fmt.Fprintf(&out, "M%d %dh%dv1h-%dz", start+rim, y+rim, n, n)
			}
		}
	}
	return size + 2*rim, out.String(), nil
}

// groups splits a key into groups of four, to be typed.
func groups(key secret.Text) string {
	var out strings.Builder
	for i, r := range key.Reveal() {
		if i > 0 && i%4 == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return out.String()
}

const (
	recoveryLength = 10
	// Letters that cannot be taken for others or make words: 27 of them to the tenth
	// are 47 bits, and tries are counted.
	recoveryLetters = "23456789BCDFGHJKMNPQRTVWXYZ"
)

// newRecoveryCode returns a code, to be shown with a dash in its middle.
func newRecoveryCode() string {
	var out strings.Builder
	for out.Len() < recoveryLength {
		var b [1]byte
		rand.Read(b[:])
		// Only bytes that give each letter the same chance: 243 is 9 times 27.
		if int(b[0]) < 9*len(recoveryLetters) {
			out.WriteByte(recoveryLetters[int(b[0])%len(recoveryLetters)])
		}
	}
	return out.String()
}

func shownCode(code string) string { return code[:5] + "-" + code[5:] }
