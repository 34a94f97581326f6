package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/server"
)

func (p program) user() *cobra.Command {
	var email, name string
	var fromStdin, asJSON bool
	create := &cobra.Command{
		Use: "create", Short: "Add an account", Args: cobra.NoArgs,
		Example: `  echo -n "$PASSWORD" | deputy user create --email ana@example.com --name "Ana" --password-stdin`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !fromStdin {
				return errors.New("pipe the password in and add --password-stdin: on the command line others could read it")
			}
			password, err := p.fromStdin()
			if err != nil {
				return err
			}
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				id, err := f.CreateUser(ctx, email, name, password)
				if err != nil {
					return err
				}
				return p.show(asJSON, field{"user_id", id}, field{"email", email}, field{"name", name})
			})
		},
	}
	f := create.Flags()
	f.StringVar(&email, "email", "", "e-mail `address` to sign in with")
	f.StringVar(&name, "name", "", "`name` apps may show, when the person allows it")
	f.BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return group("user", "People with an account", required(create, "email", "name"), p.invite(), p.resetUser())
}

func (p program) invite() *cobra.Command {
	var name, language string
	var asJSON bool
	invite := &cobra.Command{
		Use: "invite EMAIL", Short: "Add an account that waits for its person, and send them a link to take it over", Args: cobra.ExactArgs(1),
		Long: "Adds an account that waits for its person. The link to take it over goes to them by mail (--smtp-url), or is\n" +
			"printed for you to hand on. It works once, for seven days; inviting somebody again ends the link before.",
		Example: `  deputy user invite ana@example.com --name "Ana"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				in, err := f.Invite(ctx, args[0], name, language)
				if err != nil {
					return err
				}
				if in.Unsent != nil {
					fmt.Fprintf(p.err, "The mail could not be sent: %v\nThe account waits; hand the link on yourself.\n", in.Unsent)
				}
				fields := []field{{"user_id", in.User}, {"email", args[0]}, {"mailed", in.Link == ""}, {"until", in.Until.UTC().Format(time.RFC3339)}}
				if in.Link != "" {
					fields = append(fields, field{"link", in.Link})
				}
				return p.show(asJSON, fields...)
			})
		},
	}
	f := invite.Flags()
	f.StringVar(&name, "name", "", "`name` to propose to them")
	f.StringVar(&language, "in", "", "`language` of the mail: en or de; --language when left out")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return invite
}

func (p program) resetUser() *cobra.Command {
	var email string
	var asJSON bool
	reset := &cobra.Command{
		Use: "reset", Short: "Take passkeys and codes of an account away, for somebody who lost their devices", Args: cobra.NoArgs,
		Long: "Takes passkeys, codes and recovery codes of an account away and ends its sign-ins. After that its\n" +
			"password alone signs in: make sure first that it is the person who asks.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				passkeys, codes, err := f.ResetSignIn(ctx, email)
				if err != nil {
					return err
				}
				return p.show(asJSON, field{"email", email}, field{"passkeys_removed", passkeys}, field{"codes_turned_off", codes})
			})
		},
	}
	reset.Flags().StringVar(&email, "email", "", "e-mail `address` of the account")
	reset.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return required(reset, "email")
}

func (p program) app() *cobra.Command {
	var n server.NewApp
	var kind, keys string
	var asJSON bool
	create := &cobra.Command{
		Use: "create", Short: "Register an app", Args: cobra.NoArgs,
		Example: `  deputy app create --name "Repo Scout" --publisher "Scout Labs" --type confidential \
      --redirect-uri https://reposcout.example/callback --scope "services.github.repositories.read"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch kind {
			case "confidential", "public":
				n.Confidential = kind == "confidential"
			default:
				return fmt.Errorf("--type %q is neither public nor confidential; an app that can keep a secret on a server is confidential", kind)
			}
			n.Scopes, n.Required, n.GrantTypes = words(n.Scopes), words(n.Required), words(n.GrantTypes)
			if keys != "" {
				var err error
				if n.JWKS, err = os.ReadFile(keys); err != nil {
					return fmt.Errorf("--jwks: %w", err)
				}
			}
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				c, key, err := f.CreateApp(ctx, n)
				if err != nil {
					return err
				}
				fields := []field{{"client_id", c.ID}}
				if !key.Empty() {
					fields = append(fields, field{"client_secret", key.Reveal()})
				}
				return p.show(asJSON, append(fields, field{"name", c.Name}, field{"redirect_uris", c.RedirectURIs}, field{"grant_types", c.GrantTypes})...)
			})
		},
	}
	f := create.Flags()
	f.StringVar(&n.Name, "name", "", "`name` people read")
	f.StringVar(&n.Publisher, "publisher", "", "who built it")
	f.StringArrayVar(&n.RedirectURIs, "redirect-uri", nil, "`URI` it may be answered at (may be repeated)")
	f.StringArrayVar(&n.LogoutURIs, "post-logout-redirect-uri", nil, "`URI` a browser may be sent to after a sign-out (may be repeated)")
	f.StringVar(&keys, "jwks", "", "`file` with its public keys (a JWK Set): it signs with them (private_key_jwt) and gets no secret")
	f.StringVar(&n.JWKSURI, "jwks-uri", "", "`URL` where it publishes its public keys, instead of --jwks")
	f.StringVar(&kind, "type", "confidential", "public or confidential")
	f.StringArrayVar(&n.Scopes, "scope", nil, "`scopes` it asks for when a request names none, and may have for itself")
	f.StringArrayVar(&n.Required, "required-scope", nil, "`scopes` it cannot work without, when it asks for them: people are told, and give it all of them or nothing")
	f.StringArrayVar(&n.DetailTypes, "details-type", nil, "`type` of authorization_details it may send, like github.repository (may be repeated; none: any)")
	f.BoolVar(&n.MustPush, "require-par", false, "it begins with a pushed request only")
	f.BoolVar(&n.MustProve, "require-dpop", false, "it gets only tokens that are bound to a key")
	f.StringArrayVar(&n.GrantTypes, "grant-type", nil, "authorization_code, refresh_token, client_credentials, device_code, token-exchange (may be repeated)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return group("app", "Apps that may ask people", required(create, "name"), p.approve(), p.logo(), p.listApps())
}

func (p program) resourceServer() *cobra.Command {
	var n server.NewResourceServer
	var reads, writes []string
	var asJSON bool
	create := &cobra.Command{
		Use: "create", Short: "Register your own API or MCP server", Args: cobra.NoArgs,
		Example: `  deputy resource-server create --identifier https://notes.example/mcp --scope "mcp:read=Read your notes"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			scopes, err := ownScopes(consent.Read, reads)
			more, err2 := ownScopes(consent.Write, writes)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			n.Scopes = append(scopes, more...)
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				rs, key, err := f.CreateResourceServer(ctx, n)
				if err != nil {
					return err
				}
				return p.show(asJSON, field{"client_id", rs.ID}, field{"client_secret", key.Reveal()}, field{"identifier", rs.Identifier}, field{"token_format", rs.TokenFormat},
					field{"introspection_endpoint", f.Config.ExternalURL.String() + "/oauth/introspect"})
			})
		},
	}
	f := create.Flags()
	f.StringVar(&n.Identifier, "identifier", "", "its `URL`: the audience of its tokens")
	f.StringVar(&n.Name, "name", "", "`name` people read; the host when left out")
	f.StringVar(&n.TokenFormat, "token-format", "opaque", "opaque: it asks about each token; jwt: it can verify them by itself, and learns up to five minutes late what was taken back")
	f.StringArrayVar(&reads, "scope", nil, "`scope=words` people read, for looking (may be repeated)")
	f.StringArrayVar(&writes, "write-scope", nil, "`scope=words` people read, for changing things (may be repeated)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return group("resource-server", "Your own APIs and MCP servers", required(create, "identifier"))
}

func (p program) provider() *cobra.Command {
	var n server.NewProvider
	var fromStdin bool
	set := &cobra.Command{
		Use: "set PROVIDER", Short: "Say how this server is registered at a provider", Args: cobra.ExactArgs(1),
		Example: `  echo -n "$SECRET" | deputy provider set github --client-id Iv1.abc --client-secret-stdin`,
		RunE: func(cmd *cobra.Command, args []string) error {
			n.Provider = args[0]
			if !fromStdin {
				return errors.New("pipe the client secret in and add --client-secret-stdin: on the command line others could read it")
			}
			var err error
			if n.Secret, err = p.fromStdin(); err != nil {
				return err
			}
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				redirect, err := f.SetProvider(ctx, n)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.out, "Stored. At %s, the redirect URI (callback URL) must be:\n  %s\n", n.Provider, redirect)
				return err
			})
		},
	}
	f := set.Flags()
	f.StringVar(&n.ClientID, "client-id", "", "client `id` that the provider gave")
	f.BoolVar(&fromStdin, "client-secret-stdin", false, "read the client secret from standard input")
	f.StringVar(&n.Name, "name", "", "`name` that tells it from another registration at the same provider, whose connections stay with it")
	f.StringVar(&n.Variant, "variant", "", "kind of registration; the provider's usual one when left out")
	f.StringVar(&n.WebURL, "web-url", "", "`URL` of a self-hosted provider's pages")
	f.StringVar(&n.APIURL, "api-url", "", "`URL` of a self-hosted provider's API")
	f.StringToStringVar(&n.Hosts, "host", nil, "`NAME=URL` of a further host of the provider, when it is self-hosted")
	return group("provider", "Services that people connect", required(set, "client-id"), p.listProviders(), p.webhook())
}

func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	g.AddCommand(commands...)
	return g
}

func required(cmd *cobra.Command, flags ...string) *cobra.Command {
	for _, f := range flags {
		if err := cmd.MarkFlagRequired(f); err != nil {
			panic(err) // a flag that does not exist
		}
	}
	return cmd
}

// words splits values that hold several words, so that --scope "a b" and
// --scope a --scope b mean the same.
func words(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.Fields(v)...)
	}
	return out
}

// ownScopes reads scope=words.
func ownScopes(access consent.Access, values []string) ([]consent.Scope, error) {
	var out []consent.Scope
	for _, v := range values {
		name, text, ok := strings.Cut(v, "=")
		if !ok {
			return nil, fmt.Errorf("scope %q: write it like mcp:read=Read your notes", v)
		}
		out = append(out, consent.Scope{Name: consent.ScopeName(name), Words: strings.TrimSpace(text), Access: access})
	}
	return out, nil
}
