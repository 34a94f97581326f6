package simulator_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// ids lists every page of a list.
func (s *till) ids(path, token string, query url.Values) []string {
	s.t.Helper()
	var list []string
	for {
		status, answer := s.api("GET", path+"?"+query.Encode(), token, "")
		if status != 200 {
			return []string{problem(answer)}
		}
		for _, item := range answer["data"].([]any) {
			list = append(list, item.(map[string]any)["id"].(string))
		}
		if answer["has_more"] != true {
			return list
		}
		if next, is := answer["next_page"].(string); is {
			query.Set("page", next)
		} else {
			query.Set("starting_after", list[len(list)-1])
		}
	}
}

func numbered(prefix string, numbers ...int) []string {
	var list []string
	for _, n := range numbers {
		list = append(list, fmt.Sprintf("%s_NW%012d", prefix, n))
	}
	return list
}

func TestStripeLists(t *testing.T) {
	s := newTill(t, simulator.Quirks{})
	token := s.token()
	all := s.ids("/customers", token, url.Values{"limit": {"20"}})
	if len(all) != 45 || all[0] != numbered("cus", 45)[0] || all[44] != numbered("cus", 1)[0] {
		t.Errorf("%d customers, from %s to %s", len(all), all[0], all[44])
	}
	for _, k := range []struct {
		path  string
		query string
		want  []string
	}{
		{"/customers", "email=customer07@buyers.example", numbered("cus", 7)},
		{"/charges", "customer=" + numbered("cus", 3)[0], numbered("ch", 3)},
		{"/subscriptions", "", numbered("sub", 45, 35, 25, 15, 5)},
		{"/subscriptions", "status=canceled", numbered("sub", 40, 30, 20, 10)},
		{"/invoices", "status=draft&customer=" + numbered("cus", 6)[0], numbered("in", 6)},
		{"/customers", fmt.Sprint("created[gte]=", time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC).Unix()), numbered("cus", 45)},
		{"/refunds", "", nil},
		{"/prices", "", numbered("price", 2, 1)},
		{"/customers", "limit=101", []string{"parameter_invalid_integer"}},
		{"/customers", "starting_after=cus_x", []string{"resource_missing"}},
		{"/customers", "color=red", []string{"parameter_unknown"}},
		{"/coupons", "", []string{"invalid_request_error"}},
	} {
		query, err := url.ParseQuery(k.query)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(k.want, s.ids(k.path, token, query)); diff != "" {
			t.Errorf("%s?%s: %s", k.path, k.query, diff)
		}
	}
	_, before := s.api("GET", "/customers?limit=2&ending_before="+numbered("cus", 40)[0], token, "")
	if data := before["data"].([]any); data[0].(map[string]any)["id"] != numbered("cus", 42)[0] || len(data) != 2 || before["has_more"] != true {
		t.Errorf("ending_before: %v", before)
	}
	status, answer := s.api("GET", "/customers/cus_BB000000000001", token, "")
	if status != 404 || problem(answer) != "resource_missing" {
		t.Errorf("another account's customer: %d %v", status, answer)
	}
	status, answer = s.api("GET", "/accounts/acct_1BensBooks0000001", token, "")
	if status != 403 || problem(answer) != "account_invalid" {
		t.Errorf("another account: %d %v", status, answer)
	}
	_, balance := s.api("GET", "/balance", token, "")
	wantText(t, "available", balance["available"].([]any)[0].(map[string]any)["amount"], float64(842300))
}

func TestStripeExpandAndSearch(t *testing.T) {
	s := newTill(t, simulator.Quirks{})
	token := s.token()
	intent := numbered("pi", 4)[0]
	_, plain := s.api("GET", "/payment_intents/"+intent, token, "")
	wantText(t, "customer", plain["customer"], numbered("cus", 4)[0])
	_, open := s.api("GET", "/payment_intents/"+intent+"?expand[]=customer&expand[]=latest_charge.customer", token, "")
	charge := open["latest_charge"].(map[string]any)
	if open["customer"].(map[string]any)["name"] != "Customer 04" || charge["customer"].(map[string]any)["name"] != "Customer 04" {
		t.Errorf("expanded: %v", open)
	}
	_, list := s.api("GET", "/charges?limit=1&expand[]=data.payment_intent", token, "")
	if secret, _ := list["data"].([]any)[0].(map[string]any)["payment_intent"].(map[string]any)["client_secret"].(string); !strings.Contains(secret, "_secret_") {
		t.Errorf("expanded in a list: %v", list)
	}
	if _, again := s.api("GET", "/payment_intents/"+intent, token, ""); again["customer"] != plain["customer"] {
		t.Error("expanding changed what is stored")
	}
	for _, path := range []string{"status", "customer.color", "data.customer", "customer.customer.customer.customer.customer"} {
		if status, answer := s.api("GET", "/payment_intents/"+intent+"?expand[]="+path, token, ""); status != 400 {
			t.Errorf("expand %s: %d %v", path, status, answer)
		}
	}
	for _, k := range []struct {
		path, query string
		want        []string
	}{
		{"/customers/search", `email:"customer12@buyers.example"`, numbered("cus", 12)},
		{"/customers/search", `name~"omer 1" AND -email:'customer15@buyers.example' created>0`, numbered("cus", 19, 18, 17, 16, 14, 13, 12, 11, 10)},
		{"/payment_intents/search", `metadata['order']:'1003' OR metadata["order"]:"1004"`, numbered("pi", 4, 3)},
		{"/charges/search", `status:"failed" AND amount>=4000`, numbered("ch", 45, 36)},
		{"/customers/search", `name:"a" AND name:"b" OR name:"c"`, []string{"invalid_request_error"}},
		{"/customers/search", `color:"red"`, []string{"invalid_request_error"}},
		{"/customers/search", `name:`, []string{"invalid_request_error"}},
		{"/customers/search", ``, []string{"invalid_request_error"}},
		{"/customers/search", `name:"a" AND`, []string{"invalid_request_error"}},
	} {
		if diff := cmp.Diff(k.want, s.ids(k.path, token, url.Values{"query": {k.query}, "limit": {"4"}})); diff != "" {
			t.Errorf("%s %s: %s", k.path, k.query, diff)
		}
	}
}

func TestStripeWrites(t *testing.T) {
	s := newTill(t, simulator.Quirks{})
	token := s.token()
	_, customer := s.api("POST", "/customers", token, "name=Carla&email=c@x.example&metadata[a]=1&metadata[b]=2&address[city]=Braga")
	id := customer["id"].(string)
	s.api("POST", "/customers/"+id, token, "email=&metadata[a]=")
	_, read := s.api("GET", "/customers/"+id, token, "")
	if diff := cmp.Diff([]any{"Carla", nil, map[string]any{"b": "2"}, "Braga"}, []any{read["name"], read["email"], read["metadata"], read["address"].(map[string]any)["city"]}); diff != "" {
		t.Errorf("the customer: %s", diff)
	}
	_, invoice := s.api("POST", "/invoices", token, "customer="+id+"&description=March")
	s.api("POST", "/invoiceitems", token, "customer="+id+"&invoice="+invoice["id"].(string)+"&amount=700&description=Beans")
	s.api("POST", "/invoices/"+invoice["id"].(string), token, "description=April")
	_, read = s.api("GET", "/invoices/"+invoice["id"].(string), token, "")
	if read["status"] != "draft" || read["total"] != float64(700) || read["description"] != "April" || len(read["lines"].(map[string]any)["data"].([]any)) != 1 {
		t.Errorf("the invoice: %v", read)
	}
	sub := numbered("sub", 5)[0]
	_, ended := s.api("POST", "/subscriptions/"+sub, token, "cancel_at_period_end=true&items[0][id]="+numbered("si", 5)[0]+"&items[0][price]="+numbered("price", 2)[0]+"&proration_behavior=none")
	item := ended["items"].(map[string]any)["data"].([]any)[0].(map[string]any)
	if ended["status"] != "active" || ended["cancel_at_period_end"] != true || ended["cancel_at"] != item["current_period_end"] || item["price"].(map[string]any)["unit_amount"] != float64(2900) {
		t.Errorf("the subscription: %v", ended)
	}
	for name, k := range map[string]struct{ path, form, code string }{
		"a paid invoice":         {"/invoices/" + numbered("in", 4)[0], "description=x", "invoice_not_editable"},
		"a line on it":           {"/invoiceitems", "customer=" + numbered("cus", 4)[0] + "&amount=1&invoice=" + numbered("in", 4)[0], "invoice_not_editable"},
		"another's line":         {"/invoiceitems", "customer=" + numbered("cus", 4)[0] + "&amount=1&invoice=" + numbered("in", 3)[0], "invalid_request_error"},
		"no customer":            {"/invoices", "description=x", "parameter_missing"},
		"a customer of nowhere":  {"/invoices", "customer=cus_x", "resource_missing"},
		"sending an invoice":     {"/invoices/" + numbered("in", 3)[0] + "/send", "", "invalid_request_error"},
		"a payment method":       {"/customers/" + id, "source=tok_visa", "parameter_unknown"},
		"ending at once":         {"/subscriptions/" + sub, "cancel_at=1", "parameter_unknown"},
		"a price with proration": {"/subscriptions/" + sub, "items[0][id]=x&items[0][price]=y", "invalid_request_error"},
		"an ended subscription":  {"/subscriptions/" + numbered("sub", 10)[0], "cancel_at_period_end=false", "resource_missing"},
	} {
		if _, answer := s.api("POST", k.path, token, k.form); problem(answer) != k.code {
			t.Errorf("%s: %v, want %s", name, answer, k.code)
		}
	}
	status, _ := s.api("DELETE", "/customers/"+id, token, "")
	wantText(t, "deleting a customer", status, 404)
	status, _ = s.api("POST", "/customers", token, `{"name":"x"}`, "Content-Type", "application/json")
	wantText(t, "JSON", status, 400)
}

func TestStripeRefunds(t *testing.T) {
	s := newTill(t, simulator.Quirks{})
	token := s.token()
	charge := numbered("ch", 5)[0] // of 1500
	_, part := s.api("POST", "/refunds", token, "payment_intent="+numbered("pi", 5)[0]+"&amount=400&reason=duplicate")
	if part["amount"] != float64(400) || part["charge"] != charge || s.sim.Field(charge, "amount_refunded") != int64(400) || s.sim.Field(charge, "refunded") != false {
		t.Errorf("a part: %v", part)
	}
	for name, k := range map[string]struct{ form, code string }{
		"more than is left": {"charge=" + charge + "&amount=1101", "amount_too_large"},
		"nothing":           {"charge=" + charge + "&amount=0", "parameter_invalid_integer"},
		"no charge":         {"amount=1", "parameter_missing"},
		"an unknown charge": {"charge=ch_x", "resource_missing"},
		"an odd reason":     {"charge=" + charge + "&reason=mood", "invalid_request_error"},
		"a failed charge":   {"charge=" + numbered("ch", 9)[0], "invalid_request_error"},
	} {
		if _, answer := s.api("POST", "/refunds", token, k.form); problem(answer) != k.code {
			t.Errorf("%s: %v, want %s", name, answer, k.code)
		}
	}
	s.api("POST", "/refunds", token, "charge="+charge)
	_, again := s.api("POST", "/refunds", token, "charge="+charge)
	if s.sim.Field(charge, "refunded") != true || problem(again) != "charge_already_refunded" || s.sim.Count("ana", "refund") != 2 {
		t.Errorf("the rest, and once more: %v, %d refunds", again, s.sim.Count("ana", "refund"))
	}
	_, balance := s.api("GET", "/balance", token, "")
	wantText(t, "available", balance["available"].([]any)[0].(map[string]any)["amount"], float64(842300-1500))
}

func TestStripeIdempotency(t *testing.T) {
	s := newTill(t, simulator.Quirks{})
	token := s.token()
	form := "charge=" + numbered("ch", 6)[0] + "&amount=100"
	first, one := s.api("POST", "/refunds", token, form, "Idempotency-Key", "k-1")
	req := request(t, "POST", s.srv.URL+"/v1/refunds", token, form)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Idempotency-Key", "k-1")
	_, header, _ := raw(t, req)
	_, two := s.api("POST", "/refunds", token, form, "Idempotency-Key", "k-1")
	if diff := cmp.Diff(one, two); diff != "" || first != 200 || header.Get("Idempotent-Replayed") != "true" || s.sim.Count("ana", "refund") != 1 {
		t.Errorf("the same call again: %s, replayed %q, %d refunds", diff, header.Get("Idempotent-Replayed"), s.sim.Count("ana", "refund"))
	}
	status, other := s.api("POST", "/refunds", token, form+"0", "Idempotency-Key", "k-1")
	if status != http.StatusBadRequest || problem(other) != "idempotency_error" {
		t.Errorf("another call with the key: %d %v", status, other)
	}
	_, ben := s.redeem(s.code("ben"))
	status, _ = s.api("POST", "/customers", ben["access_token"].(string), "name=x", "Idempotency-Key", "k-1")
	wantText(t, "the key at another account", status, 200)
	s.api("POST", "/refunds", token, "charge=ch_x", "Idempotency-Key", "k-2")
	status, _ = s.api("POST", "/refunds", token, form, "Idempotency-Key", "k-2")
	wantText(t, "a key after a refusal", status, 200)
	s.sim.SetQuirks(simulator.Quirks{LoseReply: true})
	lost := request(t, "POST", s.srv.URL+"/v1/customers", token, "name=Lost")
	lost.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	lost.Header.Set("Idempotency-Key", "k-3")
	_, err := http.DefaultClient.Do(lost)
	s.sim.SetQuirks(simulator.Quirks{})
	_, kept := s.api("POST", "/customers", token, "name=Lost", "Idempotency-Key", "k-3")
	if err == nil || kept["name"] != "Lost" || s.sim.Count("ana", "customer") != 46 {
		t.Errorf("after a lost answer: %v %v, %d customers", err, kept["name"], s.sim.Count("ana", "customer"))
	}
}

func TestStripePlantedSecrets(t *testing.T) {
	s := newTill(t, simulator.Quirks{})
	token := s.token()
	_, _, body := raw(t, request(t, "GET", s.srv.URL+"/v1/payment_intents?limit=100", token, ""))
	seen := 0
	for _, secret := range s.sim.PlantedSecrets() {
		if strings.Contains(string(body), secret) {
			seen++
		}
	}
	wantText(t, "client secrets in a list of payments", seen, 45)
}
