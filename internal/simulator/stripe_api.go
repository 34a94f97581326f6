package simulator

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	stripeVersion = "2026-10-28.endive"
	maxObjects    = 2000
	maxKeys       = 1000
	// keyLife is how long an idempotency key is remembered.
	keyLife = 24 * time.Hour
)

// stripeCall is one API call with everything the handlers look at.
type stripeCall struct {
	*http.Request
	shop   *shop
	params params
}

type stripeHandler func(c stripeCall) apiReply

// shop is one account with everything in it.
type shop struct {
	id, person, name, country, currency string
	created                             time.Time
	objects                             map[string][]object // by kind, newest first
	available                           int64
	keys                                map[string]keptReply
}

// keptReply is what a call with an idempotency key answered.
type keptReply struct {
	of    [32]byte // method, path and parameters
	reply apiReply
	at    time.Time
}

// find finds an object of any kind by its id.
func (s *shop) find(id string) object {
	for _, list := range s.objects {
		for _, found := range list {
			if found["id"] == id {
				return found
			}
		}
	}
	return nil
}

// stripeError is an error in Stripe's shape; code and parameter can be "".
func stripeError(status int, code, message, parameter string) apiReply {
	problem := object{"type": "invalid_request_error", "message": message}
	if code != "" {
		problem["code"], problem["doc_url"] = code, "https://docs.stripe.com/error-codes/"+strings.ReplaceAll(code, "_", "-")
	}
	if parameter != "" {
		problem["param"] = parameter
	}
	return apiReply{status: status, body: object{"error": problem}}
}

func stripeMissing(kind, id, parameter string) apiReply {
	return stripeError(http.StatusNotFound, "resource_missing", fmt.Sprintf("No such %s: '%s'", kind, id), parameter)
}

// apiRoutes is every route of the API that exists here: for each kind of object
// the parameters of its list, and what is special about it.
func (s *Stripe) apiRoutes() {
	s.handle("GET /v1/account", s.getAccount)
	s.handle("GET /v1/accounts/{id}", s.getAccount)
	s.handle("GET /v1/balance", s.getBalance)
	for _, k := range stripeKinds() {
		s.handle("GET /v1/"+k.path, func(c stripeCall) apiReply { return s.list(c, k) })
		s.handle("GET /v1/"+k.path+"/{id}", func(c stripeCall) apiReply { return s.get(c, k) })
		if len(k.searches) > 0 {
			s.handle("GET /v1/"+k.path+"/search", func(c stripeCall) apiReply { return s.search(c, k) })
		}
	}
	s.handle("POST /v1/customers", s.createCustomer)
	s.handle("POST /v1/customers/{id}", s.updateCustomer)
	s.handle("POST /v1/invoices", s.createInvoice)
	s.handle("POST /v1/invoices/{id}", s.updateInvoice)
	s.handle("POST /v1/invoiceitems", s.createInvoiceItem)
	s.handle("POST /v1/subscriptions/{id}", s.updateSubscription)
	s.handle("POST /v1/refunds", s.createRefund)
	s.handle("/", func(c stripeCall) apiReply {
		return stripeError(http.StatusNotFound, "", fmt.Sprintf("Unrecognized request URL (%s: %s).", c.Method, c.URL.Path), "")
	})
}

// handle registers one API route.
func (s *Stripe) handle(pattern string, h stripeHandler) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, func(sent []byte, err error) apiReply {
			if err != nil {
				return stripeError(http.StatusBadRequest, "", "The request body is too large.", "")
			}
			reply := s.call(r, sent, h)
			return reply.with("Request-Id", "req_"+randomText(14)).with("Stripe-Version", cmp.Or(r.Header.Get("Stripe-Version"), stripeVersion))
		})
	})
}

// call checks who calls with what, and calls once for each idempotency key. The
// lock is held.
func (s *Stripe) call(r *http.Request, sent []byte, h stripeHandler) apiReply {
	c := stripeCall{Request: r}
	refusal := s.authenticate(&c)
	if refusal != nil {
		return *refusal
	}
	encoded := r.URL.RawQuery
	if r.Method == http.MethodPost {
		if kind := r.Header.Get("Content-Type"); len(sent) > 0 && !strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
			return stripeError(http.StatusBadRequest, "", "Invalid request (check that your POST content type is application/x-www-form-urlencoded).", "")
		}
		encoded = string(sent)
	}
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return stripeError(http.StatusBadRequest, "", "Invalid request: the parameters cannot be read.", "")
	}
	c.params = newParams(values)
	key := r.Header.Get("Idempotency-Key")
	if r.Method != http.MethodPost || key == "" {
		return h(c)
	}
	return c.once(key, s.cfg.Now(), h)
}

// once answers a repeated call with what the first was answered. Keys belong to
// the account, whichever app sends them.
func (c stripeCall) once(key string, now time.Time, h stripeHandler) apiReply {
	of := sha256.Sum256([]byte(c.Method + " " + c.URL.Path + "\n" + c.params.encoded()))
	kept, known := c.shop.keys[key]
	switch {
	case len(key) > 255:
		return stripeError(http.StatusBadRequest, "", "Idempotency keys can be up to 255 characters long.", "")
	case known && now.Sub(kept.at) < keyLife && kept.of != of:
		// 400, as Stripe's own libraries expect it: 409 is for a first call that has
		// not ended yet.
		reply := stripeError(http.StatusBadRequest, "", "Keys for idempotent requests can only be used with the same parameters they were first used with. "+
			"Try using a key other than '"+key+"' if you meant to execute a different request.", "")
		reply.body.(object)["error"].(object)["type"] = "idempotency_error"
		return reply
	case known && now.Sub(kept.at) < keyLife:
		replayed := kept.reply
		replayed.header = maps.Clone(replayed.header)
		return replayed.with("Idempotent-Replayed", "true")
	}
	reply := h(c)
	if reply.status >= 400 {
		return reply // nothing happened: the key is still free
	}
	// What is remembered is what was answered, not what becomes of it.
	encoded, err := encodeJSON(reply.body)
	if err != nil {
		panic("simulator: encode an answer: " + err.Error())
	}
	reply.body = json.RawMessage(encoded)
	for old, k := range c.shop.keys {
		if len(c.shop.keys) >= maxKeys || now.Sub(k.at) >= keyLife {
			delete(c.shop.keys, old)
		}
	}
	c.shop.keys[key] = keptReply{of, reply, now}
	return reply.with("Idempotency-Key", key)
}

// authenticate finds the account, and whether the app may call this at all. The
// lock is held.
func (s *Stripe) authenticate(c *stripeCall) *apiReply {
	key, _, basic := c.BasicAuth()
	if kind, bearer, _ := strings.Cut(c.Header.Get("Authorization"), " "); !basic && strings.EqualFold(kind, "Bearer") {
		key = strings.TrimSpace(bearer)
	}
	found, known := s.grants.byAccess[key]
	changes := c.Method != http.MethodGet
	var refusal apiReply
	switch {
	case key == "":
		refusal = stripeError(http.StatusUnauthorized, "", "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth.", "")
	case !known:
		refusal = stripeError(http.StatusUnauthorized, "", "Invalid API Key provided: "+key[:min(len(key), 8)]+"****", "")
	case found.revoked, c.Header.Get("Stripe-Account") != "" && c.Header.Get("Stripe-Account") != found.owner:
		refusal = stripeError(http.StatusForbidden, "account_invalid", "The provided key does not have access to this account (or that account does not exist). Application access may have been revoked.", "")
	case !found.live(s.cfg.Now()):
		refusal = stripeError(http.StatusUnauthorized, "api_key_expired", "Expired API Key provided: "+key[:8]+"****", "")
	case s.quirks.RateLimited:
		refusal = stripeError(http.StatusTooManyRequests, "rate_limit", "Request rate limit exceeded.", "").with("Stripe-Rate-Limited-Reason", "global-rate")
	case changes && s.quirks.LockTimeout:
		refusal = stripeError(http.StatusTooManyRequests, "lock_timeout", "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.", "").with("Stripe-Should-Retry", "true")
	case changes && s.quirks.ReadOnly:
		refusal = stripeError(http.StatusForbidden, "more_permissions_required_for_application", "The app does not have the permission that this request needs.", "")
	default:
		c.shop = s.shop(found.owner)
		return nil
	}
	return &refusal
}

// params are the parameters of a call, by their whole names: metadata[order].
type params struct {
	values url.Values
}

func newParams(values url.Values) params { return params{values} }

func (p params) get(name string) string { return p.values.Get(name) }

func (p params) has(name string) bool { return p.values.Has(name) }

func (p params) encoded() string { return p.values.Encode() }

// list are the values of a parameter that can be given more than once, written
// expand[] or expand[0].
func (p params) list(name string) []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(p.values)) {
		if strings.HasPrefix(key, name+"[") {
			list = append(list, p.values[key]...)
		}
	}
	return list
}

// object are the values of a parameter with names in it.
func (p params) object(name string) map[string]string {
	fields := map[string]string{}
	for key, values := range p.values {
		if inside, has := strings.CutPrefix(key, name+"["); has {
			fields[strings.TrimSuffix(inside, "]")] = values[0]
		}
	}
	return fields
}

// unknown refuses parameters that nothing here obeys. A name stands for what is
// inside of it, too.
func (p params) unknown(known ...string) *apiReply {
	for key := range p.values {
		name, _, _ := strings.Cut(key, "[")
		if !slices.Contains(known, name) && name != "expand" {
			refusal := stripeError(http.StatusBadRequest, "parameter_unknown", "Received unknown parameter: "+name+" (it may exist at Stripe, and not here)", name)
			return &refusal
		}
	}
	return nil
}
