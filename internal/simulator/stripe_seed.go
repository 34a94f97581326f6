package simulator

import (
	"fmt"
	"time"
)

// newShops makes the same two accounts every time, dated from now.
func newShops(now time.Time) []*shop {
	today := now.UTC().Truncate(24 * time.Hour)
	northwind := &shop{id: "acct_1NorthwindShop001", person: "ana", name: "Northwind Shop", country: "PT", currency: "eur", available: 842300}
	books := &shop{id: "acct_1BensBooks0000001", person: "ben", name: "Ben's Books", country: "GB", currency: "gbp", available: 9100}
	for _, s := range []*shop{northwind, books} {
		s.created, s.objects, s.keys = today.AddDate(-2, 0, 0), map[string][]object{}, map[string]keptReply{}
	}
	northwind.fill("NW", 45, today)
	books.fill("BB", 3, today)
	return []*shop{northwind, books}
}

// fill gives an account its customers, newest first, with what they pay.
func (s *shop) fill(mark string, customers int, today time.Time) {
	id := func(prefix string, number int) string { return fmt.Sprintf("%s_%s%012d", prefix, mark, number) }
	product := s.seed("product", id("prod", 1), today.AddDate(-1, 0, 0), object{"name": "Coffee by post", "active": true, "description": "A bag a month"})
	for i, amount := range []int64{1500, 2900} {
		s.seed("price", id("price", i+1), today.AddDate(-1, 0, 0), object{"product": product["id"], "active": true, "currency": s.currency,
			"unit_amount": amount, "type": "recurring", "nickname": []string{"Small", "Large"}[i], "recurring": object{"interval": "month", "interval_count": 1}})
	}
	s.seed("payout", id("po", 1), today.AddDate(0, 0, -7), object{"amount": int64(250000), "currency": s.currency, "status": "paid", "method": "standard",
		"arrival_date": today.AddDate(0, 0, -5).Unix(), "destination": "ba_" + mark, "automatic": true})
	for i := 1; i <= customers; i++ {
		at := today.AddDate(0, 0, i-customers)
		name := fmt.Sprintf("Customer %02d", i)
		customer := id("cus", i)
		s.seed("customer", customer, at, object{"name": name, "email": fmt.Sprintf("customer%02d@buyers.example", i), "phone": nil, "description": nil,
			"address": object{"line1": fmt.Sprintf("%d Harbour Street", i), "city": "Porto", "country": s.country, "postal_code": "4000", "line2": nil, "state": nil},
			"balance": 0, "currency": s.currency, "delinquent": false, "default_source": nil, "shipping": nil, "tax_exempt": "none"})
		s.seedPayment(id, i, customer, name, at)
		s.seedInvoice(id, i, customer, at)
		if i%5 == 0 {
			s.seedSubscription(id, i, customer, at)
		}
	}
}

func (s *shop) seed(kind, id string, at time.Time, o object) object {
	o["id"], o["object"], o["created"], o["livemode"] = id, kind, at.Unix(), false
	if o["metadata"] == nil {
		o["metadata"] = object{}
	}
	s.objects[kind] = append([]object{o}, s.objects[kind]...)
	return o
}

// seedPayment makes a payment and its charge, with what both give away.
func (s *shop) seedPayment(id func(string, int) string, i int, customer, name string, at time.Time) {
	amount, status, paid := int64(1000+100*i), "succeeded", true
	if i%9 == 0 {
		status, paid = "failed", false
	}
	intent := object{"amount": amount, "amount_received": amount, "currency": s.currency, "customer": customer, "status": "succeeded", "latest_charge": id("ch", i),
		"client_secret": id("pi", i) + "_secret_" + randomText(24), "description": fmt.Sprintf("Order %d", 1000+i), "payment_method_types": []string{"card"}, "invoice": nil,
		"metadata": object{"order": fmt.Sprint(1000 + i)}}
	if !paid {
		intent["status"], intent["amount_received"] = "requires_payment_method", int64(0)
	}
	s.seed("payment_intent", id("pi", i), at, intent)
	s.seed("charge", id("ch", i), at, object{"amount": amount, "amount_captured": intent["amount_received"], "amount_refunded": int64(0), "currency": s.currency, "customer": customer,
		"payment_intent": id("pi", i), "status": status, "paid": paid, "captured": paid, "refunded": false, "disputed": false, "description": intent["description"], "invoice": nil,
		"receipt_url":     "https://pay.stripe.com/receipts/" + randomText(40),
		"billing_details": object{"name": name, "email": nil, "phone": nil, "address": object{"country": s.country, "postal_code": "4000"}},
		"payment_method_details": object{"type": "card", "card": object{"brand": "visa", "last4": fmt.Sprintf("%04d", 4200+i), "country": s.country,
			"exp_month": 12, "exp_year": at.Year() + 2, "fingerprint": "Fp" + randomText(14), "funding": "credit"}}})
}

// seedInvoice makes an invoice; every third is a draft.
func (s *shop) seedInvoice(id func(string, int) string, i int, customer string, at time.Time) {
	invoice := draftInvoice(customer, s.currency, "charge_automatically")
	s.seed("invoice", id("in", i), at, invoice)
	item := s.seed("invoiceitem", id("ii", i), at, object{"customer": customer, "invoice": invoice["id"], "amount": int64(2000), "currency": s.currency, "description": "Coffee", "quantity": 1})
	addLine(invoice, item, 2000)
	if i%3 == 0 {
		return
	}
	page := "https://invoice.stripe.com/i/" + s.id + "/" + randomText(40)
	invoice["status"], invoice["number"], invoice["paid"] = "paid", fmt.Sprintf("NW-%04d", i), true
	invoice["amount_paid"], invoice["amount_remaining"] = invoice["amount_due"], int64(0)
	invoice["hosted_invoice_url"], invoice["invoice_pdf"] = page, page+"/pdf"
}

// seedSubscription makes a subscription; every tenth has ended.
func (s *shop) seedSubscription(id func(string, int) string, i int, customer string, at time.Time) {
	status := "active"
	if i%10 == 0 {
		status = "canceled"
	}
	item := object{"id": id("si", i), "object": "subscription_item", "price": s.find(id("price", 1)), "quantity": 1,
		"current_period_start": at.Unix(), "current_period_end": at.AddDate(0, 1, 0).Unix(), "subscription": id("sub", i)}
	s.seed("subscription", id("sub", i), at, object{"customer": customer, "status": status, "currency": s.currency, "cancel_at_period_end": false, "cancel_at": nil,
		"canceled_at": nil, "collection_method": "charge_automatically", "description": nil, "latest_invoice": id("in", i), "start_date": at.Unix(),
		"items": object{"object": "list", "data": []object{item}, "has_more": false, "total_count": 1, "url": "/v1/subscription_items"}})
}
