package broker_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// Whoever picked customers asks for one; only who may use all asks for all.
func TestACallThatNamesNoCustomerIsForThoseWhoMayUseAll(t *testing.T) {
	narrow := newWorld(t).allowAll()
	for _, tt := range []struct{ method, target, body string }{
		{"GET", "/v1/charges", ""}, {"GET", "/v1/invoices?status=paid", ""}, {"GET", "/v1/refunds", ""}, {"POST", "/v1/customers", "name=x"},
	} {
		before := narrow.wire.count()
		_, refusal := narrow.ask(tt.method, "stripe", tt.target, tt.body)
		if refusal == nil || refusal.Status != 403 || refusal.Code != broker.CodePolicy || narrow.wire.count() != before {
			t.Errorf("%s %s: %v", tt.method, tt.target, refusal)
			continue
		}
		if refusal.Outside == nil || *refusal.Outside != (consent.Resource{Type: "stripe.customer", ID: consent.All}) {
			t.Errorf("%s %s: to be asked for: %+v", tt.method, tt.target, refusal.Outside)
		}
	}
	wide := newWorld(t).allowEverything(onTill, "services.stripe.payments.read", "services.stripe.customers.read")
	for _, target := range []string{"/v1/charges?limit=100", "/v1/customers?limit=100", "/v1/charges/ch_NW000000000040", "/v1/charges?customer=" + two} {
		if _, refusal := wide.ask("GET", "stripe", target, ""); refusal != nil {
			t.Errorf("everything: %s: %v", target, refusal)
		}
	}
}

// Whether there is more would count the customers that were not picked.
func TestAListOfPickedCustomersDoesNotCountTheOthers(t *testing.T) {
	w := newWorld(t).allowAll()
	narrow, refusal := w.ask("GET", "stripe", "/v1/customers?limit=10", "")
	if refusal != nil || string(narrow.Body) != `{"data":[],"object":"list","url":"/v1/customers"}` {
		t.Errorf("got %v %s", refusal, narrow.Body)
	}
	w = newWorld(t).allowEverything(onTill, "services.stripe.customers.read")
	wide, refusal := w.ask("GET", "stripe", "/v1/customers?limit=10", "")
	if refusal != nil || !strings.Contains(string(wide.Body), `"has_more":true`) {
		t.Errorf("everything: %v %s", refusal, wide.Body)
	}
}

// A charge is its customer's, a refund its charge's; a charge of nobody is nobody's.
func TestAPaymentIsItsCustomers(t *testing.T) {
	w := newWorld(t).allowAll()
	objects := map[string]string{
		"/v1/charges/ch_ofOne0000": `{"id":"ch_ofOne0000","customer":"` + one + `"}`, "/v1/charges/ch_guest0000": `{"id":"ch_guest0000","customer":null,"payment_intent":null}`,
		"/v1/charges/ch_ofTwo0000": `{"id":"ch_ofTwo0000","customer":"` + two + `"}`, "/v1/refunds/re_ofOne0000": `{"id":"re_ofOne0000","charge":"ch_ofOne0000"}`,
		"/v1/refunds/re_guest0000": `{"id":"re_guest0000","charge":"ch_guest0000"}`, "/v1/charges/ch_opened000": `{"id":"ch_opened000","customer":{"id":"` + one + `"}}`,
		"/v1/charges": `{"object":"list","data":[{"id":"ch_ofTwo0000","customer":"` + two + `"},{"id":"ch_ofOne0000","customer":"` + one + `"}],"has_more":false,"next":"x"}`,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		fmt.Fprint(out, objects[r.URL.Path])
	}))
	t.Cleanup(srv.Close)
	w.wire.ends[onTill] = end{srv.URL, "token"}
	for path, want := range map[string]int{
		"/v1/charges/ch_ofOne0000": 200, "/v1/charges/ch_guest0000": 404, "/v1/charges/ch_ofTwo0000": 404, "/v1/charges/ch_opened000": 404,
		"/v1/refunds/re_ofOne0000": 200, "/v1/refunds/re_guest0000": 404,
	} {
		if got := w.status(w.request("GET", "stripe", path, "")); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	// A provider that forgot the condition.
	answer, refusal := w.ask("GET", "stripe", "/v1/charges?customer="+one, "")
	if want := `{"object":"list","data":[{"id":"ch_ofOne0000","customer":"` + one + `"}],"has_more":false}`; refusal != nil || string(answer.Body) != want {
		t.Errorf("got %v %s, want %s", refusal, answer.Body, want)
	}
}

// Threats B6, B11: form-encoded values are declared as strictly as JSON.
func TestThreat_B6_B11_AFormHoldsOnlyWhatIsDeclared(t *testing.T) {
	w := newWorld(t).allowAll()
	sub := "/v1/subscriptions/sub_NW000000000005"
	for _, tt := range []struct{ why, method, target, body string }{
		{"opening what is linked", "GET", "/v1/charges/ch_NW000000000001?expand[]=customer", ""},
		{"the same, numbered", "GET", "/v1/charges?customer=" + one + "&expand[0]=data.customer", ""},
		{"another parameter", "POST", "/v1/customers/" + one, "name=x&source=tok_visa"},
		{"a customer twice", "GET", "/v1/charges?customer=" + one + "&customer=" + two, ""},
		{"a customer in brackets", "GET", "/v1/charges?customer[]=" + two, ""},
		{"a customer and brackets", "GET", "/v1/charges?customer=" + one + "&customer[0]=" + two, ""},
		{"another member", "POST", sub, "items[0][id]=si_NW000000000005&items[0][price]=price_NW000000000002&items[0][price_data][unit_amount]=1"},
		{"a required member left out", "POST", sub, "items[0][id]=si_NW000000000005"},
		{"items with a gap", "POST", sub, "items[1][id]=si_NW000000000005&items[1][price]=price_NW000000000002"},
		{"an end at once", "POST", sub, "cancel_at_period_end=true&prorate=true"},
		{"a charge now", "POST", sub, "items[0][id]=si_NW000000000005&items[0][price]=price_NW000000000002&proration_behavior=always_invoice"},
		{"a draft that sends itself", "POST", "/v1/invoices", "customer=" + one + "&auto_advance=true"},
		{"a refund of two", "POST", "/v1/refunds", "charge=ch_NW000000000001&payment_intent=pi_NW000000000001"},
		{"a refund of nothing", "POST", "/v1/refunds", "amount=1"},
		{"a negative amount", "POST", "/v1/refunds", "charge=ch_NW000000000001&amount=-5"},
		{"open brackets", "POST", "/v1/customers/" + one, "metadata[a=1"},
		{"no name in brackets", "POST", "/v1/customers/" + one, "metadata[]=1"},
		{"metadata inside metadata", "POST", "/v1/customers/" + one, "metadata[a][b]=1"},
		{"deep brackets", "POST", "/v1/customers/" + one, "metadata" + strings.Repeat("[a]", 20) + "=1"},
		{"a search", "GET", "/v1/customers/search?query=name:'x'", ""},
	} {
		before := w.wire.count()
		target, err := url.PathUnescape(tt.target)
		if err != nil {
			t.Fatal(err)
		}
		_, refusal := w.ask(tt.method, "stripe", target, tt.body)
		if refusal == nil || refusal.Status != 400 || w.wire.count() != before {
			t.Errorf("%s: got %v after %d calls", tt.why, refusal, w.wire.count()-before)
		}
	}
	req := w.request("POST", "stripe", "/v1/customers/"+one, `{"name":"x"}`)
	req.Header.Set("Content-Type", "application/json")
	if _, refusal := w.send(req); refusal == nil || refusal.Status != 400 {
		t.Errorf("JSON: %v", refusal)
	}
}

func TestAFormIsWrittenAnew(t *testing.T) {
	w := newWorld(t).allowAll()
	req := w.request("POST", "stripe", "/v1/subscriptions/sub_NW000000000005",
		"items%5B0%5D%5Bprice%5D=price_NW000000000002&items[0][id]=si_NW000000000005&cancel_at_period_end=false&metadata[a%26b]=1%2B1")
	req.Header.Set("Stripe-Account", "acct_1BensBooks0000001")
	if _, refusal := w.send(req); refusal != nil {
		t.Fatal(refusal)
	}
	sent, body := w.wire.last()
	got, err := url.ParseQuery(body)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"items[0][price]": {"price_NW000000000002"}, "items[0][id]": {"si_NW000000000005"}, "cancel_at_period_end": {"false"}, "metadata[a&b]": {"1+1"}, "proration_behavior": {"none"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if sent.Header.Get("Stripe-Account") != "" || sent.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("headers %v", sent.Header)
	}
}

// What works at Stripe without a key never leaves.
func TestNothingThatPaysOrOpensLeaves(t *testing.T) {
	w := newWorld(t).allowEverything(onTill, "services.stripe.account.read", "services.stripe.balance.read", "services.stripe.customers.read",
		"services.stripe.invoices.read", "services.stripe.payments.read", "services.stripe.subscriptions.read")
	planted := w.stripe.PlantedSecrets()
	if len(planted) < 100 {
		t.Fatalf("only %d secrets are there", len(planted))
	}
	for _, path := range []string{"account", "balance", "payouts", "customers", "invoices", "invoiceitems", "charges", "payment_intents", "refunds", "subscriptions?status=all"} {
		answer, refusal := w.ask("GET", "stripe", "/v1/"+path, "")
		if refusal != nil {
			t.Fatalf("%s: %v", path, refusal)
		}
		for _, secret := range append(planted, "fingerprint", "exp_year", "ba_NW", "@northwind.example") {
			if strings.Contains(string(answer.Body), secret) {
				t.Errorf("%s: %s left", path, secret)
			}
		}
	}
}
