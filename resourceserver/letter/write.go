package letter

import (
	"bytes"
	"fmt"
	"io"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

// Write writes the letter as it travels.
func (l Letter) Write() ([]byte, error) {
	var out bytes.Buffer
	var err error
	switch {
	case len(l.Files) > 0:
		err = l.writeFiles(&out)
	case l.Text != "" && l.HTML != "":
		var w *mail.InlineWriter
		if w, err = mail.CreateInlineWriter(&out, l.header()); err == nil {
			err = both(w, l)
		}
	default:
		h := l.header()
		kind, text := l.only()
		h.SetContentType(kind, utf8Text)
		var w io.WriteCloser
		if w, err = mail.CreateSingleInlineWriter(&out, h); err == nil {
			err = put(w, []byte(text))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("write a letter: %w", err)
	}
	return out.Bytes(), nil
}

var utf8Text = map[string]string{"charset": "utf-8"}

// only is the one text of a letter that has not both.
func (l Letter) only() (kind, text string) {
	if l.HTML != "" {
		return "text/html", l.HTML
	}
	return "text/plain", l.Text
}

func (l Letter) header() mail.Header {
	var h mail.Header
	h.Set("Mime-Version", "1.0")
	for name, list := range map[string][]string{"In-Reply-To": l.InReplyTo, "References": l.References} {
		if len(list) > 0 {
			h.SetMsgIDList(name, list)
		}
	}
	h.SetSubject(l.Subject)
	for name, list := range map[string][]*mail.Address{"To": l.To, "Cc": l.Cc, "Bcc": l.Bcc} {
		if len(list) > 0 {
			h.SetAddressList(name, list)
		}
	}
	return h
}

func (l Letter) writeFiles(out io.Writer) error {
	w, err := mail.CreateWriter(out, l.header())
	if err != nil {
		return err
	}
	if err := l.writeText(w); err != nil {
		return err
	}
	for _, f := range l.Files {
		var h mail.AttachmentHeader
		h.SetContentType(f.Kind, nil)
		h.SetFilename(f.Name)
		part, err := w.CreateAttachment(h)
		if err != nil {
			return err
		}
		if err := put(part, f.Data); err != nil {
			return err
		}
	}
	return w.Close()
}

func (l Letter) writeText(w *mail.Writer) error {
	if l.Text != "" && l.HTML != "" {
		inline, err := w.CreateInline()
		if err != nil {
			return err
		}
		return both(inline, l)
	}
	kind, text := l.only()
	part, err := w.CreateSingleInline(inline(kind))
	if err != nil {
		return err
	}
	return put(part, []byte(text))
}

// both writes the text and the same as HTML, the better one last (RFC 2046 section 5.1.4).
func both(w *mail.InlineWriter, l Letter) error {
	for _, one := range [][2]string{{"text/plain", l.Text}, {"text/html", l.HTML}} {
		part, err := w.CreatePart(inline(one[0]))
		if err != nil {
			return err
		}
		if err := put(part, []byte(one[1])); err != nil {
			return err
		}
	}
	return w.Close()
}

func inline(kind string) mail.InlineHeader {
	var h message.Header
	h.SetContentType(kind, utf8Text)
	return mail.InlineHeader{Header: h}
}

func put(w io.WriteCloser, data []byte) error {
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Close()
}
