package catalog

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// longestWait bounds what a provider can make us wait, so that a wrong clock does
// not stop a connection for years.
const longestWait = 6 * time.Hour

// Classify says what an API answer means. ok is false when it is a success that
// needs no attention. retryAfter is the wait that the provider stated, zero when
// it stated none; for a wait given as a moment, the answer's own Date is taken as
// now. body may be nil when the answer is known to be a success.
func (p *Provider) Classify(status int, header http.Header, body []byte) (class ErrorClass, retryAfter time.Duration, ok bool) {
	code, failed := p.fault(status, body)
	for _, r := range p.Errors {
		if r.matches(status, header, body, code, failed) {
			return r.Class, r.wait(header), true
		}
	}
	switch {
	case status >= 500:
		return ProviderDown, 0, true
	case status == http.StatusUnauthorized:
		return TokenInvalid, 0, true
	case status == http.StatusTooManyRequests:
		return RateLimited, time.Minute, true
	case failed && code == "" && status < 400:
		// Whether it worked stands in an answer that cannot be read. Nobody refused.
		return ProviderDown, 0, true
	case status >= 400, failed:
		return CallerFault, 0, true
	case status >= 300 && status != http.StatusNotModified:
		// Nothing is ever followed (threats B14), so what was asked for is not there.
		return ResourceGone, 0, true
	}
	return "", 0, false
}

// ClassifyToken says what the error of a token reply means; CallerFault when no
// rule knows it. An empty code asks about the status alone.
func (p *Provider) ClassifyToken(status int, code string) ErrorClass {
	if code != "" {
		for _, r := range p.Errors {
			if slices.Contains(r.TokenError, code) {
				return r.Class
			}
		}
	}
	switch {
	case status == http.StatusTooManyRequests:
		return RateLimited
	case status >= 500:
		return ProviderDown
	}
	return CallerFault
}

// fault reads the provider's own error code, for those whose status does not tell.
func (p *Provider) fault(status int, body []byte) (code string, failed bool) {
	if len(body) == 0 || (p.OK == "" && p.Fault == "") {
		return "", false
	}
	var doc any
	if err := json.Unmarshal(body, &doc); err != nil {
		// Their own "it worked" cannot be read, so it does not count as said.
		return "", p.OK != "" && status < 300
	}
	if p.OK != "" {
		v, _ := Lookup(doc, p.OK)
		failed = v != true
	}
	if !failed && status < 400 {
		return "", false
	}
	v, _ := Lookup(doc, p.Fault)
	code, _ = v.(string)
	return code, failed
}

func (r ErrorRule) matches(status int, header http.Header, body []byte, code string, failed bool) bool {
	if len(r.TokenError) > 0 || !slices.Contains(r.Status, status) {
		return false
	}
	for name, re := range r.Header {
		if !re.MatchString(header.Get(name)) {
			return false
		}
	}
	if r.Text != "" && !bytes.Contains(body, []byte(r.Text)) {
		return false
	}
	if len(r.Code) > 0 && (!slices.Contains(r.Code, code) || (status < 400 && !failed)) {
		return false
	}
	return true
}

func (r ErrorRule) wait(header http.Header) time.Duration {
	if r.RetryAfter == "" {
		return r.RetryWait
	}
	n, err := strconv.ParseInt(header.Get(r.RetryAfter), 10, 64)
	if err != nil || n < 0 {
		return r.RetryWait
	}
	var d time.Duration
	switch r.RetryForm {
	case "seconds":
		d = time.Duration(min(n, int64(longestWait/time.Second))) * time.Second
	case "epoch":
		now, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			return r.RetryWait
		}
		d = time.Unix(n, 0).Sub(now)
	}
	return min(max(d, time.Second), longestWait)
}
