package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// add puts a new object in front of its kind. refusal says that there are too
// many.
func (s *Stripe) add(c stripeCall, kind, prefix string, made object) *apiReply {
	if len(c.shop.objects[kind]) >= maxObjects {
		refusal := stripeError(http.StatusTooManyRequests, "rate_limit", "This simulated account is full.", "")
		return &refusal
	}
	s.serial++
	made["id"], made["object"], made["created"], made["livemode"] = fmt.Sprintf("%s_%s%012d", prefix, s.prefix, s.serial), kind, s.cfg.Now().Unix(), false
	c.shop.objects[kind] = slices.Insert(c.shop.objects[kind], 0, made)
	return nil
}

// set copies the texts a caller sends, and its metadata. An empty text takes a
// value away.
func (c stripeCall) set(o object, names ...string) {
	for _, name := range names {
		if !c.params.has(name) {
			continue
		}
		o[name] = nil
		if text := c.params.get(name); text != "" {
			o[name] = text
		}
	}
	metadata := object{}
	if old, is := o["metadata"].(object); is {
		for key, value := range old {
			metadata[key] = value
		}
	}
	for key, value := range c.params.object("metadata") {
		metadata[key] = value
		if value == "" {
			delete(metadata, key)
		}
	}
	o["metadata"] = metadata
}

func customerTexts() []string { return []string{"name", "email", "description", "phone"} }

func (s *Stripe) createCustomer(c stripeCall) apiReply {
	refusal := c.params.unknown(append(customerTexts(), "metadata", "address")...)
	if refusal != nil {
		return *refusal
	}
	made := object{"name": nil, "email": nil, "description": nil, "phone": nil, "address": nil, "balance": 0, "currency": nil, "delinquent": false,
		"default_source": nil, "invoice_prefix": randomText(8), "shipping": nil, "tax_exempt": "none"}
	c.setCustomer(made)
	refusal = s.add(c, "customer", "cus", made)
	if refusal != nil {
		return *refusal
	}
	return s.expanded(c, made)
}

func (c stripeCall) setCustomer(o object) {
	c.set(o, customerTexts()...)
	if lines := c.params.object("address"); len(lines) > 0 {
		address := object{}
		for _, name := range []string{"line1", "line2", "city", "state", "postal_code", "country"} {
			address[name] = lines[name]
		}
		o["address"] = address
	}
}

func (s *Stripe) updateCustomer(c stripeCall) apiReply {
	refusal := c.params.unknown(append(customerTexts(), "metadata", "address")...)
	if refusal != nil {
		return *refusal
	}
	found, refusal := c.reachObject("customer", c.PathValue("id"), "id")
	if refusal != nil {
		return *refusal
	}
	c.setCustomer(found)
	return s.expanded(c, found)
}

// createInvoice makes a draft. Nothing here sends it or charges for it.
func (s *Stripe) createInvoice(c stripeCall) apiReply {
	refusal := c.params.unknown("customer", "description", "collection_method", "days_until_due", "currency", "auto_advance", "metadata", "footer")
	if refusal != nil {
		return *refusal
	}
	_, refusal = c.reachObject("customer", c.params.get("customer"), "customer")
	switch {
	case !c.params.has("customer"):
		return stripeError(http.StatusBadRequest, "parameter_missing", "Missing required param: customer.", "customer")
	case refusal != nil:
		refusal.status = http.StatusBadRequest
		return *refusal
	case c.params.get("auto_advance") == "true":
		return stripeError(http.StatusBadRequest, "", "auto_advance is not simulated: nothing here finalizes an invoice.", "auto_advance")
	case c.params.get("collection_method") == "send_invoice" && positive(c.params.get("days_until_due"), 0) == 0:
		return stripeError(http.StatusBadRequest, "", "When collection_method is send_invoice, days_until_due must be given.", "days_until_due")
	}
	made := draftInvoice(c.params.get("customer"), cmp.Or(c.params.get("currency"), c.shop.currency), cmp.Or(c.params.get("collection_method"), "charge_automatically"))
	if days := positive(c.params.get("days_until_due"), 0); days > 0 {
		made["due_date"] = s.cfg.Now().AddDate(0, 0, days).Unix()
	}
	c.set(made, "description", "footer")
	refusal = s.add(c, "invoice", "in", made)
	if refusal != nil {
		return *refusal
	}
	return s.expanded(c, made)
}

func draftInvoice(customer, currency, method string) object {
	return object{"customer": customer, "currency": currency, "collection_method": method, "status": "draft", "auto_advance": false, "number": nil,
		"total": int64(0), "subtotal": int64(0), "amount_due": int64(0), "amount_paid": int64(0), "amount_remaining": int64(0), "description": nil, "footer": nil,
		"due_date": nil, "hosted_invoice_url": nil, "invoice_pdf": nil, "subscription": nil, "paid": false, "attempted": false, "billing_reason": "manual",
		"lines": object{"object": "list", "data": []object{}, "has_more": false, "total_count": 0, "url": "/v1/invoices/lines"}}
}

// updateInvoice changes a draft. What was sent stays as it was.
func (s *Stripe) updateInvoice(c stripeCall) apiReply {
	refusal := c.params.unknown("description", "footer", "metadata")
	if refusal != nil {
		return *refusal
	}
	found, refusal := c.reachObject("invoice", c.PathValue("id"), "id")
	switch {
	case refusal != nil:
		return *refusal
	case found["status"] != "draft" && (c.params.has("description") || c.params.has("footer")):
		return stripeError(http.StatusBadRequest, "invoice_not_editable", "This invoice is no longer editable.", "")
	}
	c.set(found, "description", "footer")
	return s.expanded(c, found)
}

// createInvoiceItem puts a line on a draft.
func (s *Stripe) createInvoiceItem(c stripeCall) apiReply {
	refusal := c.params.unknown("customer", "invoice", "amount", "currency", "description", "metadata")
	if refusal != nil {
		return *refusal
	}
	invoice, refusal := c.reachObject("invoice", c.params.get("invoice"), "invoice")
	amount, err := strconv.ParseInt(c.params.get("amount"), 10, 64)
	switch {
	case refusal != nil:
		refusal.status = http.StatusBadRequest
		return *refusal
	case err != nil:
		return stripeError(http.StatusBadRequest, "parameter_invalid_integer", "Invalid integer: "+c.params.get("amount"), "amount")
	case invoice["status"] != "draft":
		return stripeError(http.StatusBadRequest, "invoice_not_editable", "This invoice is no longer editable.", "invoice")
	case c.params.get("customer") != invoice["customer"]:
		return stripeError(http.StatusBadRequest, "", "The customer of the invoice is another one.", "customer")
	case cmp.Or(c.params.get("currency"), c.shop.currency) != invoice["currency"]:
		return stripeError(http.StatusBadRequest, "", "The currency of the invoice is another one.", "currency")
	}
	made := object{"customer": invoice["customer"], "invoice": invoice["id"], "amount": amount, "currency": invoice["currency"], "description": nil, "quantity": 1}
	c.set(made, "description")
	refusal = s.add(c, "invoiceitem", "ii", made)
	if refusal != nil {
		return *refusal
	}
	addLine(invoice, made, amount)
	return s.expanded(c, made)
}

func addLine(invoice, item object, amount int64) {
	lines := invoice["lines"].(object)
	data := append(slices.Clone(lines["data"].([]object)), object{"id": "il_" + item["id"].(string)[3:], "object": "line_item", "amount": amount,
		"currency": item["currency"], "description": item["description"], "invoice": invoice["id"], "quantity": 1})
	lines["data"], lines["total_count"] = data, len(data)
	for _, name := range []string{"total", "subtotal", "amount_due", "amount_remaining"} {
		invoice[name] = invoice[name].(int64) + amount
	}
}

// updateSubscription ends a subscription with its period, or takes that back, or
// changes its price from the next bill on. Nothing is charged.
func (s *Stripe) updateSubscription(c stripeCall) apiReply {
	refusal := c.params.unknown("cancel_at_period_end", "description", "metadata", "items", "proration_behavior")
	if refusal != nil {
		return *refusal
	}
	found, refusal := c.reachObject("subscription", c.PathValue("id"), "id")
	switch {
	case refusal != nil:
		return *refusal
	case found["status"] == "canceled":
		return stripeError(http.StatusBadRequest, "resource_missing", "A canceled subscription can only update its cancellation_details and metadata.", "")
	case c.params.has("items[0][price]") && c.params.get("proration_behavior") != "none":
		return stripeError(http.StatusBadRequest, "", "Only proration_behavior=none is simulated: nothing is charged here.", "proration_behavior")
	}
	refusal = c.setPrice(found)
	if refusal != nil {
		return *refusal
	}
	if c.params.has("cancel_at_period_end") {
		found["cancel_at_period_end"], found["cancel_at"], found["canceled_at"] = false, nil, nil
		if c.params.get("cancel_at_period_end") == "true" {
			found["cancel_at_period_end"], found["cancel_at"], found["canceled_at"] = true, periodEnd(found), s.cfg.Now().Unix()
		}
	}
	c.set(found, "description")
	return s.expanded(c, found)
}

func subscriptionItem(subscription object) object {
	return subscription["items"].(object)["data"].([]object)[0]
}

func periodEnd(subscription object) int64 {
	return subscriptionItem(subscription)["current_period_end"].(int64)
}

// setPrice changes what the one item of a subscription costs.
func (c stripeCall) setPrice(subscription object) *apiReply {
	if !c.params.has("items[0][price]") && !c.params.has("items[0][id]") {
		return nil
	}
	item := subscriptionItem(subscription)
	price, refusal := c.reachObject("price", c.params.get("items[0][price]"), "items[0][price]")
	switch {
	case refusal != nil:
		refusal.status = http.StatusBadRequest
		return refusal
	case c.params.get("items[0][id]") != item["id"] || len(c.params.object("items")) > 2:
		missing := stripeError(http.StatusBadRequest, "", "Only a change of the item that is there is simulated.", "items[0][id]")
		return &missing
	}
	item["price"] = price
	return nil
}

// createRefund gives money back, once: what was given back cannot be given again.
func (s *Stripe) createRefund(c stripeCall) apiReply {
	refusal := c.params.unknown("charge", "payment_intent", "amount", "reason", "metadata")
	if refusal != nil {
		return *refusal
	}
	charge, refusal := c.chargeToRefund()
	if refusal != nil {
		refusal.status = http.StatusBadRequest
		return *refusal
	}
	left := charge["amount"].(int64) - charge["amount_refunded"].(int64)
	amount, err := strconv.ParseInt(cmp.Or(c.params.get("amount"), strconv.FormatInt(left, 10)), 10, 64)
	switch {
	case err != nil:
		return stripeError(http.StatusBadRequest, "parameter_invalid_integer", "Invalid integer: "+c.params.get("amount"), "amount")
	case charge["status"] != "succeeded":
		return stripeError(http.StatusBadRequest, "", "This charge was not paid.", "charge")
	case left == 0:
		return stripeError(http.StatusBadRequest, "charge_already_refunded", "Charge "+charge["id"].(string)+" has already been refunded.", "")
	case amount <= 0:
		return stripeError(http.StatusBadRequest, "parameter_invalid_integer", "This value must be greater than or equal to 1.", "amount")
	case amount > left:
		return stripeError(http.StatusBadRequest, "amount_too_large", fmt.Sprintf("Refund amount (%d) is greater than unrefunded amount on charge (%d)", amount, left), "amount")
	case !slices.Contains([]string{"", "duplicate", "fraudulent", "requested_by_customer"}, c.params.get("reason")):
		return stripeError(http.StatusBadRequest, "", "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer", "reason")
	}
	made := object{"charge": charge["id"], "payment_intent": charge["payment_intent"], "amount": amount, "currency": charge["currency"], "status": "succeeded", "reason": nil, "receipt_number": nil}
	c.set(made, "reason")
	refusal = s.add(c, "refund", "re", made)
	if refusal != nil {
		return *refusal
	}
	charge["amount_refunded"], charge["refunded"] = charge["amount_refunded"].(int64)+amount, amount == left
	c.shop.available -= amount
	return s.expanded(c, made)
}

func (c stripeCall) chargeToRefund() (object, *apiReply) {
	if !c.params.has("payment_intent") {
		if !c.params.has("charge") {
			missing := stripeError(http.StatusBadRequest, "parameter_missing", "One of the following params should be provided for this request: payment_intent or charge.", "")
			return nil, &missing
		}
		return c.reachObject("charge", c.params.get("charge"), "charge")
	}
	intent, refusal := c.reachObject("payment_intent", c.params.get("payment_intent"), "payment_intent")
	if refusal != nil {
		return nil, refusal
	}
	id, _ := intent["latest_charge"].(string)
	return c.reachObject("charge", id, "payment_intent")
}
