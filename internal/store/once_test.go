package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/consent/flow"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/store"
)

func at() time.Time { return time.UnixMilli(1_795_000_000_000) } // what both databases keep of a time

// each runs test on both databases with two people, two sign-ins of one of them,
// an app and a registration.
func each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, statement := range []string{
			"INSERT INTO users (id, email, email_key, name, password_hash, created_at) VALUES ('ana', 'a', 'a', 'Ana', '', 1), ('bob', 'b', 'b', 'Bob', '', 1)",
			`INSERT INTO sessions (user_id, id, token_hash, created_at, seen_at, expires_at, user_agent, address) VALUES
				('ana', 'first', '1', 1, 1, 1795000100000, '', ''), ('ana', 'second', '2', 1, 1, 1795000100000, '', ''), ('bob', 'bobs', '3', 1, 1, 1795000100000, '', '')`,
			"INSERT INTO apps (id, name, publisher, kind, redirect_uris, grant_types, scopes, created_at) VALUES ('scout', 'Scout', '', 'public', '[]', '', '', 1), ('other', 'Other', '', 'public', '[]', '', '', 1)",
			"INSERT INTO registrations (id, provider, variant, client_id, secret, web_url, api_url, updated_at) VALUES ('github', 'github', 'oauth_app', 'c', '', '', '', 1)",
		} {
			if err := d.Tx(t.Context(), func(ctx context.Context) error { return d.Read(ctx).Exec(statement).Error }); err != nil {
				t.Fatal(err)
			}
		}
		test(t, &store.Store{DB: d, Now: at})
	})
}

// race does something twenty times at the same time and returns how often it was
// the first.
func race(t *testing.T, do func(i int) (bool, error)) int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	won := 0
	for i := range 20 {
		all.Go(func() {
			first, err := do(i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if first {
				won++
			}
		})
	}
	all.Wait()
	return won
}

func TestWhatCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		page := flow.Page{ID: []byte("page"), User: "ana", Session: "first"}
		trip := connect.State{
			Hash: []byte("state"), User: "ana", Session: "first", Browser: []byte("b"), Registration: "github", Purpose: connect.Connect, RedirectURI: "r",
			Scopes: []string{"repo"}, Return: "/", Created: at(), Expires: at().Add(time.Minute),
		}
		if err := s.PutState(ctx, trip); err != nil {
			t.Fatal(err)
		}
		for name, do := range map[string]func(i int) (bool, error){
			"an answer to a consent page": func(int) (first bool, err error) {
				err = s.DB.Tx(ctx, func(ctx context.Context) error {
					first, err = s.Decide(ctx, page, at().Add(time.Minute))
					return err
				})
				return first, err
			},
			"a trip to a provider": func(int) (bool, error) { return s.SpendState(ctx, trip.Hash, at()) },
			"an id that was seen":  func(int) (bool, error) { return s.First(ctx, "jti", at().Add(time.Minute)) },
			"a fact of the database": func(i int) (bool, error) {
				mine := fmt.Sprintf("value %d", i)
				stands, err := s.FirstMeta(ctx, "fact", mine)
				return stands == mine, err
			},
		} {
			if won := race(t, do); won != 1 {
				t.Errorf("%s counts %d times", name, won)
			}
		}
	})
}

func TestAnEndedTripIsNotSpentAndAnUnknownOneIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		trip := connect.State{Hash: []byte("late"), User: "ana", Session: "first", Browser: []byte("b"), Registration: "github", Purpose: connect.Connect, Created: at(), Expires: at()}
		if err := s.PutState(t.Context(), trip); err != nil {
			t.Fatal(err)
		}
		if spent, err := s.SpendState(t.Context(), trip.Hash, at()); err != nil || spent {
			t.Errorf("an ended trip: %v %v", spent, err)
		}
		if _, err := s.State(t.Context(), []byte("nobody")); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unknown trip: %v", err)
		}
	})
}

// Two pages answered at once meet in one grant, and none of what was agreed is
// lost.
func TestTwentyYesesMakeOneGrant(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ids := make([]consent.GrantID, 20)
		race(t, func(i int) (bool, error) {
			var err error
			ids[i], err = s.SaveGrant(t.Context(), consent.Grant{User: "ana", App: "scout", Items: []consent.Item{
				{Scope: consent.ScopeName(fmt.Sprintf("scope-%02d", i)), Since: at(), Until: at().Add(time.Hour)},
			}})
			return false, err
		})
		for _, id := range ids {
			if id != ids[0] || id == "" {
				t.Fatalf("grants %v", ids)
			}
		}
		g, err := s.Grant(t.Context(), ids[0])
		if err != nil || len(g.Items) != 20 {
			t.Errorf("%d items, %v", len(g.Items), err)
		}
	})
}

func TestAGrantComesBackAsItWasAgreed(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		in := consent.Grant{User: "ana", App: "scout", Refused: []consent.Refusal{{Scope: "no", At: at()}}, Items: []consent.Item{
			{Scope: "a", Since: at(), Until: at().Add(time.Hour), Limit: consent.Limit{Everything: true}},
			{Scope: "b", Connection: "c1", Since: at(), Until: at().Add(2 * time.Hour), Limit: consent.Limit{Resources: []consent.Resource{{Type: "github.repository", ID: "1", Name: "acme/web"}}}},
		}}
		id, err := s.SaveGrant(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		in.ID, in.Created, in.Updated = id, at(), at()
		of := func(user consent.UserID, app consent.AppID) []consent.Grant {
			t.Helper()
			got, err := s.GrantsOf(ctx, user, app)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if diff := cmp.Diff([]consent.Grant{in}, of("ana", "scout")); diff != "" {
			t.Error(diff)
		}
		for _, g := range of("bob", "scout") {
			if g.ID != "" || len(g.Items) > 0 || len(g.Refused) > 0 {
				t.Errorf("somebody else sees %+v", g)
			}
		}
		if _, err := s.Grant(ctx, "nobody"); !errors.Is(err, db.ErrNone) {
			t.Errorf("an unknown grant: %v", err)
		}
	})
}

// A decision about one app is the same from what is read for it as from everything
// there is: of other apps, a few are enough.
func TestADecisionNeedsLittleOfOtherApps(t *testing.T) {
	words := consent.Vocabulary{}
	for _, s := range []consent.Scope{
		{Name: "notes.read", Words: "Read notes", Detail: "All.", Access: consent.Read},
		{Name: "notes.write", Words: "Write notes", Detail: "All.", Access: consent.Write, Implies: []consent.ScopeName{"notes.read"}},
	} {
		words[s.Name] = s
	}
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		everything := []consent.Grant{{User: "ana", App: "scout", Items: []consent.Item{{Scope: "notes.read", Since: at(), Until: at().Add(time.Hour)}}}}
		for i := range 40 {
			// Names that a dictionary orders otherwise than their bytes.
			app := consent.AppID(fmt.Sprintf("%s-%d", []string{"a", "B", "_c", "D"}[i%4], i))
			g := consent.Grant{User: "ana", App: app}
			for n, name := range []consent.ScopeName{"notes.read", "notes.write"} {
				if i%3 != n {
					g.Items = append(g.Items, consent.Item{Scope: name, Since: at(), Until: at().Add(time.Duration(i%5-1) * time.Hour)})
				}
			}
			everything = append(everything, g)
		}
		for i, g := range everything {
			if g.App != "scout" {
				add := fmt.Sprintf("INSERT INTO apps (id, name, publisher, kind, redirect_uris, grant_types, scopes, created_at) VALUES ('%s', 'A', '', 'public', '[]', '', '', 1)", g.App)
				if err := s.DB.Tx(ctx, func(ctx context.Context) error { return s.DB.Read(ctx).Exec(add).Error }); err != nil {
					t.Fatal(err)
				}
			}
			id, err := s.SaveGrant(ctx, g)
			if err != nil {
				t.Fatal(err)
			}
			everything[i].ID = id
		}
		req := consent.Request{User: "ana", App: "scout", Asked: []consent.Scope{words["notes.read"], words["notes.write"]}, Vocabulary: words}
		few, err := s.GrantsOf(ctx, "ana", "scout")
		if err != nil {
			t.Fatal(err)
		}
		want, got := consent.Decide(req, nil, everything, at()), consent.Decide(req, nil, few, at())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if row, _ := got.Row("notes.write"); len(row.AlsoFor) != consent.MostAlso || !row.AlsoMore {
			t.Errorf("names %v", row.AlsoFor)
		}
		if most := 1 + 2*(consent.MostAlso+1); len(few) > most {
			t.Errorf("read %d grants, %d are enough", len(few), most)
		}
	})
}

// A draft is read by one person, goes over to whoever goes on with the page, and
// ends with the first answer.
func TestDrafts(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, until := t.Context(), at().Add(time.Minute)
		mine := flow.Page{ID: []byte("page"), User: "ana", Session: "first"}
		again := flow.Page{ID: mine.ID, User: "ana", Session: "second"}
		bobs := flow.Page{ID: mine.ID, User: "bob", Session: "bobs"}
		reads := func(p flow.Page, want string, answered bool) {
			t.Helper()
			if choices, decided, err := s.Draft(ctx, p); err != nil || string(choices) != want || decided != answered {
				t.Errorf("%s reads %s %v %v, want %s %v", p.Session, choices, decided, err, want, answered)
			}
		}
		decides := func(p flow.Page, want bool) {
			t.Helper()
			err := s.DB.Tx(ctx, func(ctx context.Context) error {
				first, err := s.Decide(ctx, p, until)
				if first != want {
					t.Errorf("%s decides: %v, want %v", p.Session, first, want)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		keeps := func(p flow.Page, choices string) {
			t.Helper()
			if err := s.Keep(ctx, p, []byte(choices), until); err != nil {
				t.Errorf("%s keeps: %v", p.Session, err)
			}
		}
		keeps(mine, `{"a":1}`)
		reads(mine, `{"a":1}`, false)
		reads(again, `{"a":1}`, false)
		reads(bobs, "", false)
		keeps(bobs, `{"b":1}`)
		reads(bobs, `{"b":1}`, false)
		reads(mine, "", false)
		decides(bobs, true)
		decides(bobs, false)
		decides(mine, false)
		reads(bobs, `{"b":1}`, true)
		for _, p := range []flow.Page{mine, again, bobs} {
			if err := s.Keep(ctx, p, []byte(`{}`), until); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s keeps after the answer: %v", p.Session, err)
			}
		}
	})
}

// Threat O36: tries at the same time are all counted.
func TestThreat_O36_TwentyTriesAreCounted(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		race(t, func(int) (bool, error) {
			_, err := s.CountTries(t.Context(), []string{"network", "account"}, at().Add(time.Minute))
			return false, err
		})
		tries, err := s.CountTries(t.Context(), []string{"network", "account"}, at().Add(time.Minute))
		if err != nil || len(tries) != 2 || tries[0].Count != 21 || tries[1].Count != 21 {
			t.Errorf("%+v %v", tries, err)
		}
	})
}

func TestResourceServersNeverReplaceTheCatalogue(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		catalogue := consent.Vocabulary{"identity.profile.read": {Name: "identity.profile.read", Words: "See your name"}}
		add := func(id, identifier string, names ...consent.ScopeName) error {
			rs := store.ResourceServer{ID: id, Identifier: identifier, Name: "n", SecretHash: []byte("hash")}
			for _, n := range names {
				rs.Scopes = append(rs.Scopes, consent.Scope{Name: n, Words: "Everything", Access: consent.Read})
			}
			return s.AddResourceServer(ctx, rs)
		}
		if err := add("rs_1", "https://one.example", "mcp:read", "identity.profile.read"); err != nil {
			t.Fatal(err)
		}
		words, err := s.Words(ctx, catalogue)
		if err != nil || words["identity.profile.read"].Words != "See your name" || words["identity.profile.read"].Audience != "" {
			t.Errorf("the catalogue's scope became %+v, %v", words["identity.profile.read"], err)
		}
		if words["mcp:read"].Audience != "https://one.example" || len(catalogue) != 1 {
			t.Errorf("its own scope is %+v; the catalogue has %d", words["mcp:read"], len(catalogue))
		}
		if err := add("rs_2", "https://one.example"); !fault.Is(err, fault.Conflict) {
			t.Errorf("the same identifier: %v", err)
		}
		if err := add("rs_3", "https://three.example", "mcp:read"); !fault.Is(err, fault.Conflict) {
			t.Errorf("the same scope: %v", err)
		}
		if _, known, err := s.Known(ctx, "https://three.example"); err != nil || known {
			t.Errorf("half a resource server was stored: %v %v", known, err)
		}
	})
}
