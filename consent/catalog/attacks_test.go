package catalog_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// readByPost are the calls that read although they are not GETs. One more is a
// decision, made here.
var readByPost = []string{
	"google.freebusy.query", "notion.search", "notion.databases.query", "notion.data_sources.query",
}

// Threat B8: what a call does is said of each, never concluded from its method.
func TestThreat_B8_EveryOperationSaysWhatItDoes(t *testing.T) {
	c := load(t)
	for id, p := range c.Providers {
		for _, o := range p.Operations {
			name := string(id) + "." + o.ID
			scope := c.Scopes[o.Scope]
			if o.Access == "" || o.Access != scope.Access {
				t.Errorf("%s is a %q under %s, a %q", name, o.Access, o.Scope, scope.Access)
			}
			for _, also := range o.Also {
				if c.Scopes[also.Scope].Access != o.Access {
					t.Errorf("%s is a %q under %s as well, a %q", name, o.Access, also.Scope, c.Scopes[also.Scope].Access)
				}
			}
			switch get := o.Upstream.Method == http.MethodGet; {
			case get && o.Access != consent.Read:
				t.Errorf("%s changes something by a GET", name)
			case !get && o.Access == consent.Read && id != "slack" && !slices.Contains(readByPost, name):
				t.Errorf("%s reads by a %s and is not on the list", name, o.Upstream.Method)
			}
		}
	}
}

// Threats B9, B10, B15, B16: no provider is offered a query of the app's own
// making, several calls in one, an address to fetch, or one to send events to.
func TestThreat_B9_B10_B15_B16_WhatNoOperationDoes(t *testing.T) {
	path := regexp.MustCompile(`(?i)graphql|batch|hooks?(/|$)|webhook|/watch(/|$)|subscri(be|ptions_api)|/channels/stop|/import`)
	param := regexp.MustCompile(`(?i)(^|_)(url|uri|callback|webhook|redirect|query_document|extensions|expand|fields|include)s?$`)
	for id, p := range load(t).Providers {
		for _, o := range p.Operations {
			for _, at := range []string{o.Path, o.Upstream.Path} {
				if path.MatchString(at) {
					t.Errorf("%s.%s is %s", id, o.ID, at)
				}
			}
			for _, v := range o.Params {
				// Google's library always names fields; that is read and not sent on.
				if param.MatchString(v.Name) && sends(o.Upstream, v.Name) && v.Kind != catalog.KindEnum {
					t.Errorf("%s.%s passes %s on, any %s", id, o.ID, v.Name, v.Kind)
				}
			}
		}
	}
}

// sends reports whether a call passes the value of that name on.
func sends(c catalog.Call, name string) bool {
	return strings.Contains(fmt.Sprint(c.Path, c.Query, c.JSON, c.Form), "{"+name+"}")
}

// Threat B26: what is not offered by one method is not offered by its siblings,
// and none of them reaches what the file denies.
func TestThreat_B26_NoSiblingVerbOfAnOperation(t *testing.T) {
	c := load(t)
	for id, p := range c.Providers {
		offered := map[string][]string{}
		for _, o := range p.Operations {
			offered[o.Path] = append(offered[o.Path], o.Methods...)
		}
		value := strings.NewReplacer("{", "", "}", "", "...", "")
		for path, methods := range offered {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "LIST", "QUERY", "TRACE", "get", "Get"} {
				m, err := c.Match(id, method, value.Replace(path))
				if err == nil && !slices.Contains(m.Operation.Methods, method) {
					t.Errorf("%s %s of %s is %s", method, path, id, m.Operation.ID)
				}
				if err == nil && !slices.Contains(methods, method) && m.Operation.Path == path {
					t.Errorf("%s %s of %s is offered by nobody, and matched", method, path, id)
				}
			}
		}
	}
}
