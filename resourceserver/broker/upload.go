package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// upload is a file's content in a request.
type upload struct {
	kind string // media type
	data []byte
}

var errParts = errors.New("the body must be multipart/related (RFC 2387): a JSON part, then the file")

// uploads returns the value that is a file's content, if the operation has one.
func uploads(op *catalog.Operation) (catalog.Param, bool) {
	for _, p := range op.Params {
		if p.Kind == catalog.KindContent {
			return p, true
		}
	}
	return catalog.Param{}, false
}

// parts reads a body of two parts: what is said of a file, and the file.
func (v values) parts(op *catalog.Operation, file catalog.Param, contentType string, body []byte) error {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/related" {
		return errParts
	}
	parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	said, kind, err := part(parts)
	if err != nil || kind != "application/json" {
		return errParts
	}
	if err := v.json(op, catalog.InBody, said); err != nil {
		return err
	}
	data, kind, err := part(parts)
	if err != nil {
		return errParts
	}
	if _, more := parts.NextRawPart(); more != io.EOF {
		return errParts
	}
	if len(data) > file.Max {
		return fmt.Errorf("%s is larger than %d bytes", file.Name, file.Max)
	}
	v[file.Name] = upload{kind, data}
	return nil
}

// part reads the next part and its media type. One that is encoded once more is
// refused: what is passed on would be another file.
func part(parts *multipart.Reader) (data []byte, kind string, err error) {
	p, err := parts.NextRawPart()
	if err != nil {
		return nil, "", err
	}
	if p.Header.Get("Content-Transfer-Encoding") != "" {
		return nil, "", errParts
	}
	if kind, _, err = mime.ParseMediaType(p.Header.Get("Content-Type")); err != nil {
		return nil, "", err
	}
	data, err = io.ReadAll(p) // of a body that was bounded
	return data, kind, err
}

// writeParts writes doc and the file as the two parts of a body, under a boundary
// of our own.
func writeParts(doc map[string]any, file upload) (body []byte, kind string, err error) {
	said, err := json.Marshal(doc)
	if err != nil {
		return nil, "", err
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, p := range []upload{{"application/json; charset=utf-8", said}, file} {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {p.kind}})
		if err != nil {
			return nil, "", err
		}
		if _, err := part.Write(p.data); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return out.Bytes(), mime.FormatMediaType("multipart/related", map[string]string{"boundary": w.Boundary()}), nil
}
