package server

import (
	"context"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/lookalike"
	"github.com/deputy-oauth/deputy/internal/store"
)

// mostNames bounds the apps whose names are kept from strangers, of each kind.
const mostNames = 5000

// wellKnown are brands that people sign in with, or keep their work at, whether or
// not they are connected here. Those that are also plain words are kept from being
// the whole of a name only: "Linear Algebra" is an honest one.
var (
	wellKnown = []string{
		"GitHub", "GitLab", "Slack", "Google", "Gmail", "Notion", "Stripe", "Microsoft", "Facebook", "Dropbox", "Atlassian", "PayPal", "LinkedIn", "OpenAI", "ChatGPT", "Anthropic",
	}
	alsoWords = []string{"Apple", "Amazon", "Claude", "Figma", "Jira", "Linear", "Outlook", "Zoom"}
)

// names is clients.Names. What an operator approved counts within a minute.
type names struct {
	brands []string // the well known, the providers, the operator, and this program
	store  *store.Store
	kept   *otter.Cache[struct{}, namebook]
}

// namebook is the names of one moment.
type namebook struct {
	book   lookalike.Book
	owners map[string]consent.AppID // of the apps' names
}

func (f *Foundation) names() *names {
	n := &names{
		brands: append([]string{"Deputy", f.Config.Operator}, wellKnown...), store: f.Store,
		kept: otter.Must(&otter.Options[struct{}, namebook]{MaximumSize: 1, ExpiryCalculator: otter.ExpiryWriting[struct{}, namebook](time.Minute)}),
	}
	for _, p := range f.Catalog.Providers {
		n.brands = append(n.brands, p.Name)
	}
	return n
}

// Judge implements clients.Names. An app does not imitate itself.
func (n *names) Judge(ctx context.Context, c clients.Client) (lookalike.Verdict, error) {
	kept, err := n.kept.Get(ctx, struct{}{}, otter.LoaderFunc[struct{}, namebook](func(ctx context.Context, _ struct{}) (namebook, error) {
		return n.read(context.WithoutCancel(ctx))
	}))
	if err != nil {
		return lookalike.Verdict{}, err
	}
	verdict := kept.book.Judge(c.OwnName())
	if verdict.Reason == lookalike.Imitates && kept.owners[verdict.Of] == c.ID {
		return lookalike.NewBook(n.brands, alsoWords).Judge(c.OwnName()), nil
	}
	return verdict, nil
}

func (n *names) read(ctx context.Context) (namebook, error) {
	apps, err := n.store.VouchedApps(ctx, mostNames)
	if err != nil {
		return namebook{}, err
	}
	out := namebook{owners: map[string]consent.AppID{}}
	theirs := slices.Clone(alsoWords)
	for _, a := range apps {
		theirs = append(theirs, a.Name)
		out.owners[a.Name] = a.ID
	}
	out.book = lookalike.NewBook(n.brands, theirs)
	return out, nil
}
