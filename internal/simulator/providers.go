package simulator

import "net/http"

// Provider is one provider that can be simulated.
type Provider struct {
	// ID is its name in commands and addresses.
	ID string
	// Name is its name for people.
	Name string
	// Port is where it listens unless told otherwise.
	Port string
	// New makes one with its usual content.
	New func(Config) http.Handler
}

// Providers are all there are, in the order of the documentation.
func Providers() []Provider {
	return []Provider{
		{"github", "GitHub", "8091", func(c Config) http.Handler { return NewGitHub(c) }},
		{"slack", "Slack", "8092", func(c Config) http.Handler { return NewSlack(c) }},
		{"google", "Google", "8093", func(c Config) http.Handler { return NewGoogle(c) }},
		{"notion", "Notion", "8094", func(c Config) http.Handler { return NewNotion(c) }},
		{"stripe", "Stripe", "8095", func(c Config) http.Handler { return NewStripe(c) }},
	}
}
