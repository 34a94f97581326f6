package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// object is a JSON object of an API.
type object map[string]any

// apiReply is a whole answer, computed under the lock and sent after it.
type apiReply struct {
	status int
	header map[string]string
	body   any    // JSON, unless raw is set
	raw    []byte // content of another kind, named by the header Content-Type
	// read says that a request which looks like a change was none.
	read bool
}

func ok(body any) apiReply { return apiReply{status: http.StatusOK, body: body} }

// with adds a header.
func (a apiReply) with(name, value string) apiReply {
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header[name] = value
	return a
}

// answer reads the body, computes a reply under the lock and sends it the way
// the quirks say. Whatever the call changed is changed by then.
func (b *base) answer(w http.ResponseWriter, r *http.Request, compute func(sent []byte, err error) apiReply) {
	sent, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(sent)) // for those who parse forms
	reply, quirks := b.locked(func() apiReply { return compute(sent, err) })
	pause(r, quirks.SlowAPI)
	changed := r.Method != http.MethodGet && r.Method != http.MethodHead && !reply.read && reply.status < 400
	if quirks.LoseReply && changed {
		panic(http.ErrAbortHandler)
	}
	sendReply(w, r, reply)
}

// locked computes under the lock, and gives it back whatever happens. What is
// shown is written down before that: the next call may change it.
func (b *base) locked(compute func() apiReply) (apiReply, Quirks) {
	b.mu.Lock()
	defer b.mu.Unlock()
	reply := compute()
	if reply.raw == nil && reply.body != nil {
		encoded, err := encodeJSON(reply.body)
		if err != nil {
			panic("simulator: encode an answer: " + err.Error())
		}
		reply.body = json.RawMessage(encoded)
	}
	return reply, b.quirks
}

// answerToken sends a token endpoint's reply the way the quirks say. The
// caller has already made the effect durable: that is the point of them.
func (b *base) answerToken(w http.ResponseWriter, r *http.Request, q Quirks, send func(http.ResponseWriter)) {
	pause(r, q.SlowToken)
	if q.LoseTokenReply {
		// The one way net/http offers to drop a connection without a word.
		panic(http.ErrAbortHandler)
	}
	send(w)
}

// pause waits, but not longer than the caller does.
func pause(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// lifetime is expires_in as the quirks spell it; ok is false when they leave it
// out.
func (q Quirks) lifetime(d time.Duration) (value any, ok bool) {
	seconds := int(d.Seconds())
	switch {
	case q.NoExpiry:
		return nil, false
	case q.StringExpiry:
		return strconv.Itoa(seconds), true
	case q.FloatExpiry:
		return json.Number(strconv.Itoa(seconds) + ".5"), true
	}
	return seconds, true
}

// sendReply writes an answer.
func sendReply(w http.ResponseWriter, r *http.Request, reply apiReply) {
	h := w.Header()
	for name, value := range reply.header {
		h.Set(name, value)
	}
	if reply.raw == nil && reply.body == nil {
		w.WriteHeader(reply.status)
		return
	}
	out := reply.raw
	if out == nil {
		encoded, err := encodeJSON(reply.body)
		if err != nil {
			http.Error(w, "encode answer: "+err.Error(), http.StatusInternalServerError)
			return
		}
		out = encoded
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	if tag := h.Get("ETag"); tag != "" && r.Method == http.MethodGet && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(reply.status)
	w.Write(out)
}

// encodeJSON leaves < > & alone, as the providers do.
func encodeJSON(body any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(body)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	sendReply(w, &http.Request{}, apiReply{status: status, body: body})
}

// positive reads a count of a query, with what holds when there is none.
func positive(text string, fallback int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return fallback
	}
	return n
}
