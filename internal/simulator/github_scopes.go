package simulator

import (
	"slices"
	"strings"
)

// githubScopes are the scopes an OAuth App can ask for here, in words.
func githubScopes() []scopeWords {
	return []scopeWords{
		{Scope: "repo", Words: "Read and change all your repositories, public and private"},
		{Scope: "public_repo", Words: "Read and change your public repositories"},
		{Scope: "repo:status", Words: "Read and set commit statuses"},
		{Scope: "repo_deployment", Words: "Read and set deployment statuses"},
		{Scope: "repo:invite", Words: "Accept invitations to repositories"},
		{Scope: "user", Words: "Read and change your whole profile"},
		{Scope: "read:user", Words: "Read your whole profile"},
		{Scope: "user:email", Words: "Read your e-mail addresses"},
		{Scope: "user:follow", Words: "Follow and unfollow people"},
		{Scope: "admin:org", Words: "Manage your organisations and teams"},
		{Scope: "write:org", Words: "Change membership of your organisations"},
		{Scope: "read:org", Words: "Read your organisation and team membership"},
		{Scope: "workflow", Words: "Change workflow files"},
		{Scope: "notifications", Words: "Read your notifications"},
		{Scope: "gist", Words: "Create gists"},
	}
}

// implied are the scopes another one includes. GitHub leaves them out of what
// it reports.
func implied(scope string) []string {
	switch scope {
	case "repo":
		return []string{"public_repo", "repo:status", "repo_deployment", "repo:invite"}
	case "user":
		return []string{"read:user", "user:email", "user:follow"}
	case "admin:org":
		return []string{"write:org", "read:org"}
	case "write:org":
		return []string{"read:org"}
	}
	return nil
}

// describeScopes puts scopes into words, in the order of the table.
func describeScopes(table []scopeWords, scopes []string) []scopeWords {
	var said []scopeWords
	for _, known := range table {
		if slices.Contains(scopes, known.Scope) {
			said = append(said, known)
		}
	}
	return said
}

// normalizeScopes drops what GitHub does not know, what another scope implies
// and what is there twice. Separators are spaces or commas.
func normalizeScopes(asked string) []string {
	var kept []string
	for _, scope := range strings.FieldsFunc(asked, func(r rune) bool { return r == ' ' || r == ',' }) {
		known := slices.ContainsFunc(githubScopes(), func(s scopeWords) bool { return s.Scope == scope })
		if known && !slices.Contains(kept, scope) {
			kept = append(kept, scope)
		}
	}
	return slices.DeleteFunc(slices.Clone(kept), func(scope string) bool {
		return slices.ContainsFunc(kept, func(other string) bool { return slices.Contains(implied(other), scope) })
	})
}

// holds reports whether scopes contain one or imply it.
func holds(scopes []string, want string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool {
		return s == want || slices.Contains(implied(s), want)
	})
}

// holdsAll reports whether nothing would be added by want.
func holdsAll(scopes, want []string) bool {
	return !slices.ContainsFunc(want, func(s string) bool { return !holds(scopes, s) })
}
