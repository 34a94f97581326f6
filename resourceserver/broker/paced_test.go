package broker_test

import (
	"net/http"
	"testing"
	"time"
)

// What a provider asks one call to wait for, no other call of that person asks
// again: the answer is ours, at once, and says how long.
func TestThreat_A14_ARefusalIsNotAskedForAgain(t *testing.T) {
	w := newWorld(t).allowAll()
	r := &reply{status: 429, body: `{}`, header: map[string]string{"Retry-After": "90"}}
	w.against(r)
	w.ask("GET", "github", "/repositories/"+w.ids["acme/web"], "")
	before := w.wire.count()
	_, refusal := w.ask("GET", "github", "/user/repos", "")
	if refusal == nil || refusal.Status != http.StatusTooManyRequests || refusal.RetryAfter <= time.Minute || refusal.RetryAfter > 90*time.Second {
		t.Errorf("%+v", refusal)
	}
	if w.wire.count() != before {
		t.Errorf("%d requests went out", w.wire.count()-before)
	}
}

// A provider that does not answer is not asked by every call of an app: after ten
// the answer is ours, and a write that did not go out is not of unknown outcome.
func TestAProviderThatIsDownIsLeftAlone(t *testing.T) {
	w := newWorld(t).allowAll()
	w.against(&reply{status: 503, body: `{}`})
	for range 12 {
		w.ask("GET", "github", "/repositories/"+w.ids["acme/web"], "")
	}
	before := w.wire.count()
	for _, method := range []string{"GET", "POST"} {
		target, body := "/repositories/"+w.ids["acme/web"], ""
		if method == "POST" {
			target, body = target+"/issues", writeWeb
		}
		if _, refusal := w.ask(method, "github", target, body); refusal == nil || refusal.Code != "provider_down" || refusal.RetryAfter <= 0 {
			t.Errorf("%s: %+v", method, refusal)
		}
	}
	if w.wire.count() != before {
		t.Errorf("%d requests went out", w.wire.count()-before)
	}
}
