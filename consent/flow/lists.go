package flow

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// How a provider's list is kept while a person turns its pages: in memory, for a
// minute, and only so much of it.
const (
	listLife  = time.Minute
	listMost  = 1000 // items
	listPages = 12   // requests to the provider
	listsKept = 500
)

// listing is what a provider listed for one account.
type listing struct {
	items      []provider.Item
	incomplete bool // there is more than we fetched, or than the provider gave
}

type listKey struct {
	connection consent.ConnectionID
	resource   consent.ResourceType
}

type listCache = otter.Cache[listKey, listing]

func newListCache() *listCache {
	return otter.Must(&otter.Options[listKey, listing]{MaximumSize: listsKept, ExpiryCalculator: otter.ExpiryWriting[listKey, listing](listLife)})
}

// list returns what the account can reach, fetched page by page.
func (f *Flow) list(ctx context.Context, id consent.ConnectionID, t consent.ResourceType) (listing, error) {
	return f.lists.Get(ctx, listKey{id, t}, otter.LoaderFunc[listKey, listing](func(ctx context.Context, key listKey) (listing, error) {
		var out listing
		cursor := ""
		for range listPages {
			page, err := f.Services.ListResources(ctx, key.connection, key.resource, cursor)
			if err != nil {
				return listing{}, err
			}
			out.items = append(out.items, page.Items...)
			out.incomplete = out.incomplete || page.Incomplete
			cursor = page.Next
			if cursor == "" || len(out.items) >= listMost {
				break
			}
		}
		out.incomplete = out.incomplete || cursor != ""
		return out, nil
	}))
}
