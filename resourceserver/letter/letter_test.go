package letter_test

import (
	"bytes"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/resourceserver/letter"
)

func lines(of ...string) []byte { return []byte(strings.Join(of, "\r\n")) }

var (
	plain = lines("From: Boss <boss@bank.example>", "To: Carla <Carla@customer.example>, ben@northwind.example", "Cc: =?utf-8?q?J=C3=BCrgen?= <j@customer.example>", "Bcc: carla@Customer.example",
		"Subject: =?utf-8?B?w5xiZXJzaWNodA==?=", "Message-ID: <a@b>", "Date: Mon, 1 Jan 2024 10:00:00 +0000", "In-Reply-To: <one@mail.example>", "References: <zero@mail.example> <one@mail.example>", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "", "SGVsbG8sIEbDtsOfIQ==")
	mixed = lines("To: carla@customer.example", "Subject: Order", "Content-Type: multipart/mixed; boundary=a", "", "--a", "Content-Type: multipart/alternative; boundary=b", "",
		"--b", "Content-Type: text/plain", "", "four boxes", "--b", "Content-Type: text/html; charset=utf-8", "", "<p>four boxes</p>", "--b--",
		"--a", "Content-Type: application/pdf; name=x.pdf", "Content-Disposition: attachment; filename=order.pdf", "X-Track: 1234", "Content-Transfer-Encoding: base64", "", "AAEC", "--a--")
)

func TestALetterIsReadAndWrittenAnew(t *testing.T) {
	for name, c := range map[string]struct {
		text []byte
		want letter.Letter
		to   []string
	}{
		"one text": {plain, letter.Letter{Subject: "Übersicht", Text: "Hello, Föß!", InReplyTo: []string{"one@mail.example"}, References: []string{"zero@mail.example", "one@mail.example"}},
			[]string{"ben@northwind.example", "carla@customer.example", "j@customer.example"}},
		"two texts and a file":      {mixed, letter.Letter{Subject: "Order", Text: "four boxes", HTML: "<p>four boxes</p>", Files: []letter.File{{Name: "order.pdf", Kind: "application/pdf", Data: []byte{0, 1, 2}}}}, []string{"carla@customer.example"}},
		"nothing but whom it is to": {lines("To: a@b.example", "", ""), letter.Letter{}, []string{"a@b.example"}},
		"a draft to nobody":         {lines("Subject: x", "", "y"), letter.Letter{Subject: "x", Text: "y"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.text
			for range 2 { // what was written is read as the same
				got, err := letter.Read(text)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.to, got.Recipients()); diff != "" {
					t.Error(diff)
				}
				if text, err = got.Write(); err != nil {
					t.Fatal(err)
				}
				got.To, got.Cc, got.Bcc = nil, nil, nil
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			}
			for _, gone := range []string{"boss", "bank", "2024", "X-Track", "1234", "a@b>"} {
				if strings.Contains(string(text), gone) {
					t.Errorf("%q goes on:\n%s", gone, text)
				}
			}
		})
	}
}

func TestWhatIsNoLetter(t *testing.T) {
	with := func(header string) []byte { return lines("To: carla@customer.example", header, "", "x") }
	part := func(of ...string) []byte {
		return lines(slices.Concat([]string{"To: carla@customer.example", "Content-Type: multipart/mixed; boundary=a", ""}, of, []string{"--a--"})...)
	}
	deep := "x"
	for range 6 {
		deep = "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" + deep + "\r\n--a--"
	}
	for name, text := range map[string][]byte{
		"answers go elsewhere":     with("Reply-To: eve@evil.example"),
		"another sender":           with("Sender: eve@evil.example"),
		"a return path":            with("Return-Path: <eve@evil.example>"),
		"a receipt is asked for":   with("Disposition-Notification-To: eve@evil.example"),
		"sent again":               with("Resent-To: eve@evil.example"),
		"a list":                   with("List-Unsubscribe: <https://evil.example>"),
		"an unknown header":        with("X-Anything: y"),
		"two To":                   with("to: eve@evil.example"),
		"two subjects":             with("Subject: a\r\nSUBJECT: b"),
		"a header in a subject":    with("Subject: =?utf-8?q?a=0D=0ABcc:_eve@evil.example?="),
		"a zero in a subject":      with("Subject: =?utf-8?q?a=00?="),
		"a subject the other way":  with("Subject: =?utf-8?q?a=E2=80=AEb?="),
		"a header in a name":       with("Cc: =?utf-8?q?a=0D=0ABcc:_eve@evil.example?= <c@customer.example>"),
		"an address in quotes":     with(`Cc: "a b"@customer.example`),
		"letters that look alike":  with("Cc: carla@customеr.example"),
		"an address of a machine":  with("Cc: carla@[10.0.0.1]"),
		"no address":               with("Cc: carla"),
		"ids that are none":        with("References: <a b> x"),
		"too many people":          with("Cc: " + strings.Repeat("a@b.example, ", 60) + "c@b.example"),
		"another charset":          with("Content-Type: text/plain; charset=utf-7"),
		"no UTF-8":                 lines("To: carla@customer.example", "", "\xff\xfe"),
		"no header":                []byte("hello"),
		"another e-mail":           part("--a", "Content-Type: message/rfc822", "Content-Disposition: attachment; filename=x.eml", "", "To: x", "", "y"),
		"an invitation":            part("--a", "Content-Type: text/calendar", "Content-Disposition: attachment; filename=x.ics", "", "y"),
		"a part that is no file":   part("--a", "Content-Type: image/png", "", "y"),
		"a file in a folder":       part("--a", "Content-Type: image/png", `Content-Disposition: attachment; filename="../x"`, "", "y"),
		"two texts":                part("--a", "", "one", "--a", "", "two"),
		"an end that is missing":   lines("To: a@b.example", "Content-Type: multipart/mixed; boundary=a", "", "--a", "", "one"),
		"parts of nothing":         lines("To: a@b.example", "Content-Type: multipart/mixed; boundary=a", "", ""),
		"parts inside of parts":    []byte("To: a@b.example\r\n" + deep),
		"an unknown encoding":      with("Content-Transfer-Encoding: uuencode"),
		"an encoding that is none": lines("To: a@b.example", "Content-Transfer-Encoding: base64", "", "%%%"),
	} {
		got, err := letter.Read(text)
		if err == nil {
			t.Errorf("%s: read as %+v", name, got)
		} else if strings.Contains(err.Error(), "evil") || strings.Contains(err.Error(), "carla") {
			t.Errorf("%s: repeats what it was given: %v", name, err)
		}
	}
}

// Whatever is read, what is written has no header but the known ones, goes to the same
// people, and is read as the same letter.
func FuzzALetterSaysNothingElse(f *testing.F) {
	f.Add(plain)
	f.Add(mixed)
	f.Add(lines("To: \"a\\\r\n b\" <a@b.example>", "Subject: =?utf-8?q?=0A?=", "", ""))
	f.Add(lines("To: g: a@b.example, c@d.example;", "References: <a@b>\r\n <c@d>", "Content-Type: text/html", "", "=0D=0A.=0D=0A"))
	known := []string{"To", "Cc", "Bcc", "Subject", "In-Reply-To", "References", "Mime-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"}
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := letter.Read(text)
		if err != nil {
			return
		}
		written, err := first.Write()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := netmail.ReadMessage(bytes.NewReader(written))
		if err != nil {
			t.Fatalf("%v:\n%s", err, written)
		}
		var to []string
		for name, values := range parsed.Header {
			if !slices.Contains(known, name) || len(values) != 1 {
				t.Fatalf("%s stands %d times in\n%s", name, len(values), written)
			}
			if name == "To" || name == "Cc" || name == "Bcc" {
				list, err := parsed.Header.AddressList(name)
				if err != nil {
					t.Fatalf("%s: %v in\n%s", name, err, written)
				}
				for _, a := range list {
					to = append(to, strings.ToLower(a.Address))
				}
			}
		}
		slices.Sort(to)
		if !slices.Equal(slices.Compact(to), first.Recipients()) {
			t.Fatalf("it goes to %q, not to %q", to, first.Recipients())
		}
		again, err := letter.Read(written)
		if err != nil || again.Subject != first.Subject || len(again.Files) != len(first.Files) || !slices.Equal(again.Recipients(), first.Recipients()) {
			t.Fatalf("read again: %v\n%+v\n%+v", err, first, again)
		}
	})
}
