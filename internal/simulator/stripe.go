package simulator

import "strings"

// Stripe is a simulated Stripe on one origin, in test mode: the page where an app
// is installed at /oauth/v2/authorize, the API at /v1. Who signs in as ana
// connects Northwind Shop, as ben Ben's Books; the password is the name. The app
// authenticates with its secret key, which is the client secret.
type Stripe struct {
	*base
	shops  []*shop
	grants stripeGrants
	prefix string // of new ids, so that they are long enough
	serial int
}

// NewStripe returns a Stripe with its usual content.
func NewStripe(cfg Config) *Stripe {
	s := &Stripe{
		base: newBase(cfg, brand{
			Name: "Stripe", Mark: "St", Theme: "stripe", Account: "Name", Cookie: "stripe_simulator_session", SignIn: "/signin",
		}),
		grants: newStripeGrants(), prefix: "1Sim",
	}
	s.shops = newShops(s.cfg.Now())
	for _, shop := range s.shops {
		s.people = append(s.people, shop.person)
	}
	s.webRoutes(s, "/oauth/v2/authorize", "/v1/oauth/token", "/v1")
	s.oauthRoutes()
	s.apiRoutes()
	return s
}

// RevokeAll uninstalls the app from an account (its id, or who signs in there).
func (s *Stripe) RevokeAll(subject string) {
	s.emit(func() []hook {
		found := s.shop(subject)
		if found == nil {
			return nil
		}
		s.grants.dropAll(found.id)
		return []hook{stripeDeauthorized(found, s.cfg)}
	})
}

// ExpireTokens ends every access token now. Refresh tokens go on working.
func (s *Stripe) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants.expire(s.cfg.Now())
}

// Field returns one field of an object at Stripe, or nil.
func (s *Stripe) Field(id, name string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, shop := range s.shops {
		if found := shop.find(id); found != nil {
			return found[name]
		}
	}
	return nil
}

// Count returns how many objects of a kind ("refund") an account has.
func (s *Stripe) Count(account, kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.shop(account).objects[kind])
}

// PlantedSecrets returns what Stripe's answers hold that works without a key:
// client secrets and addresses of hosted pages.
func (s *Stripe) PlantedSecrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var planted []string
	for _, shop := range s.shops {
		for _, list := range shop.objects {
			for _, found := range list {
				for _, name := range []string{"client_secret", "receipt_url", "hosted_invoice_url", "invoice_pdf"} {
					if text, is := found[name].(string); is {
						planted = append(planted, text)
					}
				}
			}
		}
	}
	return planted
}

func (s *Stripe) shop(subject string) *shop {
	for _, found := range s.shops {
		if subject != "" && (found.id == subject || strings.EqualFold(found.person, subject)) {
			return found
		}
	}
	return nil
}
