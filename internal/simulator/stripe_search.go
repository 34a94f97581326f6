package simulator

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// searchClause is one condition: a field or metadata['key'], an operator and a
// value with or without quotes.
var searchClause = regexp.MustCompile(`^(-?)(?:metadata\[["']([^"']+)["']\]|([a-z_]+))(:|~|<=|>=|<|>)(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([A-Za-z0-9_]+))(?:\s+|$)`)

// search finds objects by what they say.
func (s *Stripe) search(c stripeCall, k stripeKind) apiReply {
	refusal := c.params.unknown("query", "limit", "page")
	if refusal != nil {
		return *refusal
	}
	test, problem := parseSearch(c.params.get("query"), k)
	if problem != "" {
		return stripeError(http.StatusBadRequest, "", "We were unable to parse your search query: "+problem, "query")
	}
	var fits []object
	for _, found := range c.shop.objects[k.name] {
		if test(found) {
			fits = append(fits, found)
		}
	}
	limit, refusal := c.limit()
	if refusal != nil {
		return *refusal
	}
	from := 0
	if page := c.params.get("page"); page != "" {
		start, _ := cursorKey(page)
		from = slices.IndexFunc(fits, func(o object) bool { return o["id"] == start })
		if from < 0 {
			return stripeError(http.StatusBadRequest, "", "The page is not valid for this query.", "page")
		}
	}
	to := min(from+limit, len(fits))
	body := object{"object": "search_result", "url": "/v1/" + k.path + "/search", "has_more": to < len(fits), "next_page": nil, "data": append([]object{}, fits[from:to]...)}
	if to < len(fits) {
		body["next_page"] = cursor(fits[to]["id"].(string))
	}
	return s.expanded(c, body)
}

// parseSearch reads clauses joined by AND or by OR, but not by both.
func parseSearch(text string, k stripeKind) (test func(object) bool, problem string) {
	var clauses []func(object) bool
	joint, rest := "", strings.TrimSpace(text)
	for {
		found := searchClause.FindStringSubmatch(rest)
		if found == nil {
			return nil, "a clause is expected at " + rest
		}
		clause, problem := searchTest(found, k)
		if problem != "" {
			return nil, problem
		}
		clauses = append(clauses, clause)
		rest = rest[len(found[0]):]
		if rest == "" {
			break
		}
		word, after, _ := strings.Cut(rest, " ")
		switch {
		case word != "AND" && word != "OR":
			word, after = "AND", rest // a space alone means AND
		case after == "":
			return nil, "a clause is expected after " + word
		}
		if joint != "" && joint != word {
			return nil, "AND and OR cannot be in one query"
		}
		joint, rest = word, strings.TrimSpace(after)
	}
	return func(o object) bool {
		if joint == "OR" {
			return slices.ContainsFunc(clauses, func(clause func(object) bool) bool { return clause(o) })
		}
		return !slices.ContainsFunc(clauses, func(clause func(object) bool) bool { return !clause(o) })
	}, ""
}

// searchTest makes the test of one clause.
func searchTest(found []string, k stripeKind) (func(object) bool, string) {
	negative, key, field, operator := found[1] == "-", found[2], found[3], found[4]
	value := strings.NewReplacer(`\"`, `"`, `\'`, `'`, `\\`, `\`).Replace(found[5] + found[6] + found[7])
	if key == "" && !slices.Contains(k.searches, field) {
		return nil, fmt.Sprintf("field `%s` is an unsupported search field for resource `%ss`", field, k.name)
	}
	return func(o object) bool {
		have := fmt.Sprint(o[field])
		if key != "" {
			metadata, _ := o["metadata"].(object)
			have = fmt.Sprint(metadata[key])
		}
		var holds bool
		switch operator {
		case ":":
			holds = strings.EqualFold(have, value)
		case "~":
			holds = len(value) >= 3 && strings.Contains(strings.ToLower(have), strings.ToLower(value))
		case "<":
			holds = whole(have) < whole(value)
		case ">":
			holds = whole(have) > whole(value)
		case "<=":
			holds = whole(have) <= whole(value)
		case ">=":
			holds = whole(have) >= whole(value)
		}
		return holds != negative
	}, ""
}
