package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// stripeKind is one kind of object: where it is, what its list can be narrowed
// by and what it can be searched by.
type stripeKind struct {
	name, path string
	filters    []string
	searches   []string
}

func stripeKinds() []stripeKind {
	return []stripeKind{
		{"customer", "customers", []string{"email"}, []string{"email", "name", "phone", "created"}},
		{"invoice", "invoices", []string{"customer", "status", "subscription", "collection_method"}, []string{"customer", "status", "currency", "number", "total", "created"}},
		{"invoiceitem", "invoiceitems", []string{"customer", "invoice"}, nil},
		{"charge", "charges", []string{"customer", "payment_intent"}, []string{"customer", "status", "currency", "amount", "refunded", "created"}},
		{"payment_intent", "payment_intents", []string{"customer"}, []string{"customer", "status", "currency", "amount", "created"}},
		{"subscription", "subscriptions", []string{"customer", "status", "collection_method"}, []string{"status", "created"}},
		{"refund", "refunds", []string{"charge", "payment_intent"}, nil},
		{"payout", "payouts", []string{"status"}, nil},
		{"product", "products", []string{"active"}, nil},
		{"price", "prices", []string{"product", "active"}, nil},
	}
}

func (s *Stripe) getAccount(c stripeCall) apiReply {
	if id := c.PathValue("id"); id != "" && id != c.shop.id {
		return stripeError(http.StatusForbidden, "account_invalid", "The provided key does not have access to account '"+id+"' (or that account does not exist).", "")
	}
	return ok(object{"id": c.shop.id, "object": "account", "type": "standard", "country": c.shop.country, "default_currency": c.shop.currency,
		"email": c.shop.person + "@northwind.example", "charges_enabled": true, "payouts_enabled": true, "details_submitted": true,
		"business_profile": object{"name": c.shop.name, "url": "https://" + c.shop.person + ".example", "support_email": nil},
		"settings":         object{"dashboard": object{"display_name": c.shop.name, "timezone": "Europe/Lisbon"}}, "created": c.shop.created.Unix()})
}

func (s *Stripe) getBalance(c stripeCall) apiReply {
	money := func(amount int64) []object {
		return []object{{"amount": amount, "currency": c.shop.currency, "source_types": object{"card": amount}}}
	}
	return ok(object{"object": "balance", "livemode": false, "available": money(c.shop.available), "pending": money(12500)})
}

// reachObject finds an object of a kind in the caller's account.
func (c stripeCall) reachObject(kind, id, parameter string) (object, *apiReply) {
	for _, found := range c.shop.objects[kind] {
		if found["id"] == id {
			return found, nil
		}
	}
	refusal := stripeMissing(kind, id, parameter)
	return nil, &refusal
}

func (s *Stripe) get(c stripeCall, k stripeKind) apiReply {
	refusal := c.params.unknown()
	if refusal != nil {
		return *refusal
	}
	found, refusal := c.reachObject(k.name, c.PathValue("id"), "id")
	if refusal != nil {
		return *refusal
	}
	return s.expanded(c, found)
}

// list lists a kind, newest first, a page at a time.
func (s *Stripe) list(c stripeCall, k stripeKind) apiReply {
	refusal := c.params.unknown(append([]string{"limit", "starting_after", "ending_before", "created"}, k.filters...)...)
	if refusal != nil {
		return *refusal
	}
	var fits []object
	for _, found := range c.shop.objects[k.name] {
		if c.wanted(found, k) {
			fits = append(fits, found)
		}
	}
	limit, refusal := c.limit()
	if refusal != nil {
		return *refusal
	}
	from, to, refusal := c.window(k, fits, limit)
	if refusal != nil {
		return *refusal
	}
	more := to < len(fits)
	if c.params.has("ending_before") {
		more = from > 0
	}
	page := slices.Clone(fits[from:to])
	if page == nil {
		page = []object{}
	}
	return s.expanded(c, object{"object": "list", "url": "/v1/" + k.path, "has_more": more, "data": page})
}

func (c stripeCall) limit() (int, *apiReply) {
	limit, err := strconv.Atoi(cmp.Or(c.params.get("limit"), "10"))
	if err == nil && limit >= 1 && limit <= 100 {
		return limit, nil
	}
	refusal := stripeError(http.StatusBadRequest, "parameter_invalid_integer", "This value must be between 1 and 100.", "limit")
	return 0, &refusal
}

// window says which part of a list is the page.
func (c stripeCall) window(k stripeKind, fits []object, limit int) (from, to int, refusal *apiReply) {
	at := func(name string) int {
		return slices.IndexFunc(fits, func(o object) bool { return o["id"] == c.params.get(name) })
	}
	switch {
	case c.params.has("starting_after"):
		from = at("starting_after") + 1
		if from == 0 {
			missing := stripeMissing(k.name, c.params.get("starting_after"), "starting_after")
			missing.status = http.StatusBadRequest
			return 0, 0, &missing
		}
	case c.params.has("ending_before"):
		end := at("ending_before")
		if end < 0 {
			missing := stripeMissing(k.name, c.params.get("ending_before"), "ending_before")
			missing.status = http.StatusBadRequest
			return 0, 0, &missing
		}
		return max(0, end-limit), end, nil
	}
	return from, min(from+limit, len(fits)), nil
}

// wanted applies the filters of a list.
func (c stripeCall) wanted(found object, k stripeKind) bool {
	for _, name := range k.filters {
		want := c.params.get(name)
		all := k.name == "subscription" && name == "status" && want == "all"
		if want != "" && !all && fmt.Sprint(found[name]) != want {
			return false
		}
	}
	// Subscriptions that have ended are in no list that does not ask for them.
	if k.name == "subscription" && !c.params.has("status") && found["status"] == "canceled" {
		return false
	}
	created := found["created"].(int64)
	for edge, holds := range map[string]func(at int64) bool{
		"gt": func(at int64) bool { return created > at }, "gte": func(at int64) bool { return created >= at },
		"lt": func(at int64) bool { return created < at }, "lte": func(at int64) bool { return created <= at },
	} {
		if want := c.params.get("created[" + edge + "]"); want != "" && !holds(whole(want)) {
			return false
		}
	}
	return !c.params.has("created") || created == whole(c.params.get("created"))
}

// expandable are the fields that hold the id of another object.
func expandable() []string {
	return []string{"customer", "charge", "latest_charge", "payment_intent", "invoice", "subscription", "product", "latest_invoice"}
}

// expanded answers with what the caller wants opened.
func (s *Stripe) expanded(c stripeCall, body object) apiReply {
	wanted := c.params.list("expand")
	if len(wanted) > 0 && s.quirks.NoExpand {
		return stripeError(http.StatusForbidden, "more_permissions_required_for_application",
			"The app does not have the permission to expand: it needs read_only.", "expand")
	}
	for _, path := range wanted {
		steps := strings.Split(path, ".")
		opened, fits := c.expand(body, steps)
		if !fits || len(steps) > 4 {
			return stripeError(http.StatusBadRequest, "", "This property cannot be expanded ("+path+").", "expand")
		}
		body = opened
	}
	return ok(body)
}

// expand opens one path, and leaves what is stored as it is.
func (c stripeCall) expand(body object, steps []string) (opened object, fits bool) {
	opened = maps.Clone(body)
	value, has := body[steps[0]]
	switch v := value.(type) {
	case []object:
		if steps[0] != "data" || len(steps) == 1 {
			return body, false
		}
		list := []object{}
		for _, item := range v {
			item, good := c.expand(item, steps[1:])
			if !good {
				return body, false
			}
			list = append(list, item)
		}
		opened["data"] = list
		return opened, true
	case string:
		found := c.shop.find(v)
		if !slices.Contains(expandable(), steps[0]) || found == nil {
			return body, false
		}
		value = found
	case object:
		// It was opened before.
	default:
		return body, has && v == nil && slices.Contains(expandable(), steps[0])
	}
	inside := value.(object)
	if len(steps) > 1 {
		deeper, good := c.expand(inside, steps[1:])
		if !good {
			return body, false
		}
		inside = deeper
	}
	opened[steps[0]] = inside
	return opened, true
}
