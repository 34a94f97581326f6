package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// window is how far the time of a signature may be from now.
const window = 5 * time.Minute

// mostSignatures is how many a header may hold: while a provider changes its
// secret, it signs with both.
const mostSignatures = 5

// signature is what a header says, before the body is read.
type signature struct {
	macs   [][]byte
	before string // what is signed in front of the body
}

// read reads the signature of a message; false when there is none that can count.
func read(s catalog.Signature, header http.Header, now time.Time) (signature, bool) {
	raw, ok := one(header, s.Header)
	if !ok {
		return signature{}, false
	}
	var stamp string
	var written []string
	if s.Member == "" {
		text, prefixed := strings.CutPrefix(raw, s.Prefix)
		if !prefixed {
			return signature{}, false
		}
		written = []string{text}
		stamp, _ = one(header, s.Time)
	} else {
		stamp, written = members(s, raw)
	}
	if s.Time != "" && !recent(stamp, now) {
		return signature{}, false
	}
	out := signature{before: strings.ReplaceAll(strings.TrimSuffix(s.Signs, "{body}"), "{time}", stamp)}
	for _, text := range written[:min(len(written), mostSignatures)] {
		if mac, err := hex.DecodeString(text); err == nil && len(mac) == sha256.Size {
			out.macs = append(out.macs, mac)
		}
	}
	return out, len(out.macs) > 0
}

// one is the value of a header that is there once.
func one(header http.Header, name string) (string, bool) {
	values := header.Values(name)
	if name == "" || len(values) != 1 {
		return "", false
	}
	return values[0], true
}

// members reads "t=1700000000,v1=ab,v1=cd". A time that is there twice is none.
func members(s catalog.Signature, raw string) (stamp string, written []string) {
	times := 0
	for part := range strings.SplitSeq(raw, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case s.Time:
			stamp = value
			times++
		case s.Member:
			written = append(written, value)
		}
	}
	if times != 1 {
		stamp = ""
	}
	return stamp, written
}

// recent reports whether stamp is a time within the window.
func recent(stamp string, now time.Time) bool {
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || strconv.FormatInt(at, 10) != stamp {
		return false
	}
	return now.Sub(time.Unix(at, 0)).Abs() <= window
}

// by reports whether one of the signatures is over body and with key.
func (s signature) by(key secret.Text, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(s.before))
	mac.Write(body)
	want, good := mac.Sum(nil), false
	for _, got := range s.macs {
		good = hmac.Equal(want, got) || good
	}
	return good
}
