// Package config reads how the program is to run: defaults, then a file, then
// DEPUTY_* environment variables, then flags; the later wins. It owns the names
// of the settings and says everything that is wrong with them at once, in words.
//
// It opens nothing: whether a database answers or a key fits is found out by who
// opens it.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/deputy-oauth/deputy/internal/loopback"
)

// Names of the settings. A flag is --name, a variable DEPUTY_NAME with _ for -.
const (
	Listen           = "listen"
	ExternalURL      = "external-url"
	Data             = "data"
	DatabaseURL      = "database-url"
	AllowLoopback    = "allow-loopback"
	TrustedProxies   = "trusted-proxies"
	Operator         = "operator"
	Language         = "language"
	Providers        = "providers"
	LogLevel         = "log-level"
	Registration     = "registration"
	Review           = "review"
	WarnAbout        = "warn-about"
	KeyRotation      = "key-rotation"
	Introspections   = "introspections"
	CallsPerMinute   = "calls-per-minute"
	CallsPerDay      = "calls-per-day"
	ChangesPerMinute = "changes-per-minute"
	ChangesPerDay    = "changes-per-day"
	SMTPURL          = "smtp-url"
	MailFrom         = "mail-from"
	File             = "config"
)

const prefix = "DEPUTY_"

// What strangers may register for themselves.
const (
	RegistrationOff    = "off"
	RegistrationPublic = "public" // public clients only
)

// Config is how the program is to run.
type Config struct {
	Listen      string   // host:port
	ExternalURL *url.URL // how browsers and apps reach us; no path, no trailing slash
	Data        string   // folder of keys, and of the SQLite database
	DatabaseURL string   // postgres://…; "" means SQLite in Data
	// AllowLoopback lets providers be on this computer: simulators and tests.
	AllowLoopback bool
	// TrustedProxies are networks whose X-Forwarded-For is believed.
	TrustedProxies []string
	Operator       string // shown to people: "Northwind"
	Providers      string // folder of the operator's own provider files; "" when there are none
	Language       string // of pages, for browsers that want none there is: en | de
	LogLevel       string // debug | info | warn | error
	Registration   string // off | public: may apps register themselves
	Review         string // nothing | absent | changes: what apps that nobody registered by hand get only after approval
	WarnAbout      string // unverified | new | none: of which apps people are warned before they read what is asked
	Introspections int    // how often each caller may introspect in a second, in each replica; 0: no bound
	Allowance      Allowance
	Mail           Mail
	KeyRotation    int // days after which a new key signs; 0: only by command
}

// Allowance is how much one app may do for one person at most; 0: no bound.
type Allowance struct {
	CallsPerMinute, CallsPerDay     int
	ChangesPerMinute, ChangesPerDay int // of the calls
}

// KeyDir is the folder of the keys.
func (c Config) KeyDir() string { return filepath.Join(c.Data, "keys") }

// SQLitePath is the file of the SQLite database.
func (c Config) SQLitePath() string { return filepath.Join(c.Data, "deputy.db") }

// Flags adds the flags of the settings.
func Flags(f *pflag.FlagSet) {
	f.String(File, "", "YAML `file` with the settings below, by their names without dashes in front")
	f.String(Listen, defaults[Listen].(string), "`address` to listen on")
	f.String(ExternalURL, defaults[ExternalURL].(string), "`URL` by which browsers and apps reach this server")
	f.String(Data, defaults[Data].(string), "`folder` of the keys and the SQLite database")
	f.String(DatabaseURL, "", "postgres:// `URL`; without it, SQLite in the data folder")
	f.Bool(AllowLoopback, false, "let providers be on this computer (simulators, tests)")
	f.StringSlice(TrustedProxies, nil, "`networks` of reverse proxies whose X-Forwarded-For is believed")
	f.String(Operator, "", "`name` of who runs this server, shown to people")
	f.String(Language, defaults[Language].(string), "`language` of pages for browsers that want none there is: en or de")
	f.String(Providers, "", "`folder` with files of further providers, one YAML file each")
	f.String(Registration, defaults[Registration].(string), "may apps register themselves: off or public (public clients only)")
	f.String(Review, defaults[Review].(string), "what apps that nobody registered by hand get only after deputy app approve: nothing, absent (what they do without the person) or changes (all but reading)")
	f.String(WarnAbout, defaults[WarnAbout].(string), "of which apps people are warned before they read what is asked: unverified (those that nobody registered by hand or approved), new (those of them that few people use) or none")
	f.Int(KeyRotation, defaults[KeyRotation].(int), "`days` after which a new key signs tokens; 0: only by deputy key rotate")
	f.Int(Introspections, defaults[Introspections].(int), "how `often` each resource server may introspect in a second; 0: without bound")
	f.Int(CallsPerMinute, defaults[CallsPerMinute].(int), "how `many` calls one app may make for one person in a minute; 0: any")
	f.Int(CallsPerDay, defaults[CallsPerDay].(int), "how `many` in a day; 0: any")
	f.Int(ChangesPerMinute, defaults[ChangesPerMinute].(int), "how `many` of the calls in a minute may be changes; 0: any")
	f.Int(ChangesPerDay, defaults[ChangesPerDay].(int), "how `many` of those in a day; 0: any")
	f.String(SMTPURL, "", "`URL` of the mail server: smtp://user:password@host (STARTTLS) or smtps://…; log: prints mails; without it none are sent")
	f.String(MailFrom, "", "`address` mails come from, like \"Deputy <deputy@example.com>\"")
	f.String(LogLevel, defaults[LogLevel].(string), "debug, info, warn or error")
}

var defaults = map[string]any{
	Listen: "127.0.0.1:8080", ExternalURL: "http://localhost:8080", Data: "./data", Language: "en", LogLevel: "info", Registration: RegistrationOff, Review: "absent", WarnAbout: "unverified", KeyRotation: 90, Introspections: 10_000,
	CallsPerMinute: 1_000, CallsPerDay: 50_000, ChangesPerMinute: 100, ChangesPerDay: 2_000,
}

const (
	maxKeyRotation    = 3650 // ten years, in days
	maxIntrospections = 10_000_000
	maxAllowance      = 1_000_000_000
)

// Load reads the settings. environ is the environment as os.Environ gives it.
func Load(flags *pflag.FlagSet, environ []string) (Config, error) {
	k := koanf.New("\x00") // names have no levels
	path := setting(flags, environ, File)
	var problems []error
	problems = append(problems, k.Load(confmap.Provider(defaults, ""), nil))
	if path != "" {
		problems = append(problems, loadFile(k, path))
	}
	problems = append(problems,
		k.Load(env.Provider("\x00", env.Opt{Prefix: prefix, EnvironFunc: func() []string { return environ }, TransformFunc: fromEnv}), nil),
		k.Load(posflag.Provider(flags, "\x00", k), nil))
	cfg := Config{
		Listen: k.String(Listen), Data: k.String(Data), DatabaseURL: k.String(DatabaseURL), AllowLoopback: k.Bool(AllowLoopback),
		TrustedProxies: k.Strings(TrustedProxies), Operator: k.String(Operator), LogLevel: k.String(LogLevel), Registration: k.String(Registration),
		Review: k.String(Review), WarnAbout: k.String(WarnAbout), Language: k.String(Language), Providers: k.String(Providers),
	}
	problems = append(problems,
		number(k, KeyRotation, "number of days", maxKeyRotation, &cfg.KeyRotation),
		number(k, Introspections, "number", maxIntrospections, &cfg.Introspections),
		number(k, CallsPerMinute, "number", maxAllowance, &cfg.Allowance.CallsPerMinute),
		number(k, CallsPerDay, "number", maxAllowance, &cfg.Allowance.CallsPerDay),
		number(k, ChangesPerMinute, "number", maxAllowance, &cfg.Allowance.ChangesPerMinute),
		number(k, ChangesPerDay, "number", maxAllowance, &cfg.Allowance.ChangesPerDay))
	external, err := externalURL(k.String(ExternalURL))
	cfg.ExternalURL = external
	mail, mailErr := readMail(k.String(SMTPURL), k.String(MailFrom))
	cfg.Mail = mail
	problems = append(problems, err, mailErr, unknown(environ))
	problems = append(problems, cfg.check()...)
	return cfg, errors.Join(problems...)
}

// number reads a setting from 0 to most; what says what it counts.
func number(k *koanf.Koanf, name, what string, most int, to *int) error {
	n, err := strconv.Atoi(k.String(name))
	if err != nil || n < 0 || n > most {
		return fmt.Errorf("%s: %q is no %s from 0 to %d", name, k.String(name), what, most)
	}
	*to = n
	return nil
}

// setting reads one string setting before koanf is filled: where the file is.
func setting(flags *pflag.FlagSet, environ []string, name string) string {
	if f := flags.Lookup(name); f != nil && f.Changed {
		return f.Value.String()
	}
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, prefix+strings.ToUpper(name)+"="); ok {
			return v
		}
	}
	return ""
}

func loadFile(k *koanf.Koanf, path string) error {
	own := koanf.New("\x00")
	if err := own.Load(file.Provider(path), yaml.Parser()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: there is no file %s", File, path)
		}
		return fmt.Errorf("%s: %s is not valid YAML: %w", File, path, err)
	}
	for _, key := range own.Keys() {
		if !slices.Contains(names(), key) {
			return fmt.Errorf("%s: %s has a setting %q, which does not exist; there are %s", File, path, key, strings.Join(names(), ", "))
		}
	}
	return k.Merge(own)
}

func names() []string {
	return []string{Listen, ExternalURL, Data, DatabaseURL, AllowLoopback, TrustedProxies, Operator, Language, Providers, LogLevel, Registration, Review, WarnAbout, KeyRotation, Introspections, CallsPerMinute, CallsPerDay, ChangesPerMinute, ChangesPerDay, SMTPURL, MailFrom}
}

func fromEnv(name, value string) (string, any) {
	key := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, prefix)), "_", "-")
	if !slices.Contains(names(), key) || value == "" {
		return "", nil
	}
	if key == TrustedProxies {
		return key, strings.Split(value, ",")
	}
	return key, value
}

// unknown catches DEPUTY_* variables that are none of ours, except those of the
// tests: a misspelt setting must not be silently without effect.
func unknown(environ []string) error {
	var wrong []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		key := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, prefix)), "_", "-")
		if !strings.HasPrefix(name, prefix) || key == File || slices.Contains(names(), key) || strings.HasPrefix(key, "test-") || strings.HasPrefix(key, "bench-") || strings.HasPrefix(key, "postgres-") {
			continue
		}
		wrong = append(wrong, name)
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%s: no such setting", strings.Join(wrong, ", "))
}

func externalURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	problem := func(why string) (*url.URL, error) {
		return &url.URL{}, fmt.Errorf("%s: %q %s; write it like https://deputy.example", ExternalURL, raw, why)
	}
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return problem("is not an http or https URL")
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return problem("has more than scheme, host and port")
	case u.Scheme == "http" && !loopback.Is(u.Hostname()):
		return problem("is http, but not on this computer: tokens would travel in clear")
	}
	return u, nil
}

func (c Config) check() []error {
	var out []error
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || port == "" {
		out = append(out, fmt.Errorf("%s: %q is not an address; write it like 127.0.0.1:8080 or :8080", Listen, c.Listen))
	}
	if c.Data == "" {
		out = append(out, fmt.Errorf("%s: a folder is needed, for the keys at least", Data))
	}
	if u, err := url.Parse(c.DatabaseURL); c.DatabaseURL != "" && (err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql")) {
		out = append(out, fmt.Errorf("%s: this is not a postgres:// URL; leave it out to use SQLite", DatabaseURL))
	}
	for _, n := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(n); err != nil {
			if _, err := netip.ParseAddr(n); err != nil {
				out = append(out, fmt.Errorf("%s: %q is not a network; write it like 10.0.0.0/8", TrustedProxies, n))
			}
		}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		out = append(out, fmt.Errorf("%s: %q is none of debug, info, warn, error", LogLevel, c.LogLevel))
	}
	if c.Registration != RegistrationOff && c.Registration != RegistrationPublic {
		out = append(out, fmt.Errorf("%s: %q is neither off nor public", Registration, c.Registration))
	}
	if !slices.Contains([]string{"nothing", "absent", "changes"}, c.Review) {
		out = append(out, fmt.Errorf("%s: %q is none of nothing, absent, changes", Review, c.Review))
	}
	if !slices.Contains([]string{"unverified", "new", "none"}, c.WarnAbout) {
		out = append(out, fmt.Errorf("%s: %q is none of unverified, new, none", WarnAbout, c.WarnAbout))
	}
	return out
}

// MakeDirs makes the data and key folders, readable by their owner only.
func (c Config) MakeDirs() error {
	if err := os.MkdirAll(c.KeyDir(), 0o700); err != nil {
		return fmt.Errorf("%s: %w", Data, err)
	}
	return nil
}
