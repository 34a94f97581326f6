package catalog

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hostName is how a file calls a further host: in "{auth}/token", auth.
var hostName = regexp.MustCompile(`\A[a-z]+\z`)

// OnHost splits the template of an address into the host it is on, "web", "api" or
// one of Provider.Hosts, and what follows. Without a host it is on the API's.
func OnHost(template string) (host, rest string) {
	name, rest, ok := strings.Cut(strings.TrimPrefix(template, "{"), "}/")
	if strings.HasPrefix(template, "{") && ok && hostName.MatchString(name) {
		return name, "/" + rest
	}
	return "api", template
}

// proveHosts: every address is https, and what is called is on one of them.
func (p *Provider) proveHosts(at *problems) {
	origins := []string{p.WebURL, p.APIURL}
	for _, name := range slices.Sorted(maps.Keys(p.Hosts)) {
		if !hostName.MatchString(name) || name == "web" || name == "api" {
			at.add("host %q must be called by a word of small letters, and not web or api", name)
		}
		origins = append(origins, p.Hosts[name])
	}
	for _, u := range origins {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.RawQuery != "" || parsed.User != nil || strings.HasSuffix(u, "/") {
			at.add("%q is not an https address without a slash at its end", u)
		}
	}
	for _, template := range p.addresses() {
		host, rest := OnHost(template)
		if _, further := p.Hosts[host]; !strings.HasPrefix(rest, "/") || (!further && host != "web" && host != "api") {
			at.add("%q must start with /, {web}/, {api}/ or one of its hosts", template)
		}
	}
}

// addresses are all that the file says to call.
func (p *Provider) addresses() []string {
	all := []string{p.Identity.Call.Path}
	for _, v := range p.Variants {
		all = append(all, v.Authorize, v.Token)
		if v.Revoke != nil {
			all = append(all, v.Revoke.Path)
		}
	}
	for _, r := range p.Resources {
		if r.Resolve != nil {
			all = append(all, r.Resolve.Call.Path)
		}
		if r.Alias != nil {
			all = append(all, r.Alias.Call.Path)
		}
	}
	for _, k := range p.Pickers {
		all = append(all, k.Call.Path)
		if k.Names != nil {
			all = append(all, k.Names.Call.Path)
		}
	}
	for _, o := range p.Operations {
		all = append(all, o.Upstream.Path)
	}
	return all
}
