package broker

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// values are the checked parameters of one call: a string, a list of strings, a map
// of strings, or what JSON can hold. What is absent is not in it.
type values map[string]any

func (v values) text(name string) string {
	s, _ := v[name].(string)
	return s
}

const formEncoded = "application/x-www-form-urlencoded"

// MaxBody is how much of a request's body is read, in bytes.
const MaxBody = 1 << 20

// read decodes and checks everything an app sent for op. Whatever op does not
// declare, and whatever stands twice, is refused (threats B3, B6, B11, B15).
func read(op *catalog.Operation, vars map[string]string, req Request) (values, error) {
	v := values{}
	for name, text := range vars {
		if err := v.put(op, catalog.InPath, name, text); err != nil {
			return nil, err
		}
	}
	if err := v.query(op, req); err != nil {
		return nil, err
	}
	if err := v.body(op, req); err != nil {
		return nil, err
	}
	for _, p := range op.Params {
		if _, there := v[p.Name]; p.Required && !there {
			return nil, fmt.Errorf("%s is missing", p.Name)
		}
	}
	return v, nil
}

// param finds the declared parameter; one that stands elsewhere is not declared.
func param(op *catalog.Operation, in catalog.In, name string) (*catalog.Param, error) {
	for i := range op.Params {
		if p := &op.Params[i]; p.Name == name && p.In == in {
			return p, nil
		}
	}
	// The name is the app's own text: quoted, so that it stays one line in a log.
	return nil, fmt.Errorf("parameter %q is not offered here", shorten(name))
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// put checks one textual value and keeps it.
func (v values) put(op *catalog.Operation, in catalog.In, name, text string) error {
	p, err := param(op, in, name)
	if err != nil {
		return err
	}
	several, _ := v[name].([]string)
	if _, twice := v[name]; twice && (several == nil || in != catalog.InQuery || len(several) == p.Max) {
		return fmt.Errorf("parameter %q stands too often", name)
	}
	if p.Kind == catalog.KindCursor && text == "" {
		return nil // Slack's own way to say: from the start
	}
	if err := p.Check(text); err != nil {
		return err
	}
	if p.Kind == catalog.KindStrings {
		v[name] = append(several, text)
		return nil
	}
	v[name] = p.Canonical(text)
	return nil
}

func (v values) query(op *catalog.Operation, req Request) error {
	in := catalog.InQuery
	if hasArgs(op) {
		in = catalog.InArgs
		if req.Method != http.MethodGet && req.RawQuery != "" {
			return errors.New("arguments of a POST belong into its body")
		}
	}
	if op.Form {
		return v.form(op, in, req.RawQuery)
	}
	return v.pairs(op, in, req.RawQuery)
}

// pairs reads form-encoded text. url.ParseQuery refuses a raw semicolon.
func (v values) pairs(op *catalog.Operation, in catalog.In, text string) error {
	parsed, err := url.ParseQuery(text)
	if err != nil {
		return errForm
	}
	for name, list := range parsed {
		for _, one := range list {
			if err := v.put(op, in, name, one); err != nil {
				return err
			}
		}
	}
	return nil
}

func hasArgs(op *catalog.Operation) bool { return declares(op, catalog.InArgs) }

func declares(op *catalog.Operation, in catalog.In) bool {
	for _, p := range op.Params {
		if p.In == in {
			return true
		}
	}
	return false
}

func (v values) body(op *catalog.Operation, req Request) error {
	if len(req.Body) > MaxBody {
		return errors.New("the body is too large")
	}
	in := catalog.InBody
	if hasArgs(op) {
		in = catalog.InArgs
	}
	if len(req.Body) == 0 {
		return nil
	}
	if file, has := uploads(op); has {
		return v.parts(op, file, req.Header.Get("Content-Type"), req.Body)
	}
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch {
	case req.Method == http.MethodGet:
		return errors.New("a GET has no body")
	case op.Form && err == nil && kind == formEncoded:
		return v.form(op, in, string(req.Body))
	case op.Form:
		return errors.New("the body must be form-encoded")
	case err == nil && kind == "application/json":
		return v.json(op, in, req.Body)
	// Slack's methods without arguments are posted as an empty form too.
	case err == nil && kind == formEncoded && !declares(op, catalog.InBody):
		return v.pairs(op, catalog.InArgs, string(req.Body))
	}
	return errors.New("the body must be JSON")
}

// accepts reports whether the app can read what is sent back: JSON.
func accepts(p *catalog.Provider, header http.Header) bool {
	asked := header.Values("Accept")
	if len(asked) == 0 {
		return true
	}
	for _, line := range asked {
		for one := range strings.SplitSeq(line, ",") {
			kind, _, _ := strings.Cut(one, ";")
			kind = strings.ToLower(strings.TrimSpace(kind))
			if kind == "*/*" || kind == "application/*" {
				return true
			}
			for _, known := range p.Accept {
				if kind == known {
					return true
				}
			}
		}
	}
	return false
}
