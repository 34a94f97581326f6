// Command bench measures Deputy from outside: it builds the program, starts it
// as a process of its own on each database, and lets 1, 16 and 64 clients make
// real requests over loopback HTTP with connections that stay open. It prints how
// many operations a second were answered, how long they took, and what each adds
// to the database. README.md has the figures and how to read them.
//
// It does not judge: no figure makes it fail. An answer that is not the right one
// does, at once, because a server that refuses is fast.
//
// It runs below scripts/postgres.sh, which lends it a PostgreSQL server.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv("DEPUTY_TEST_POSTGRES"), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	only      []string
	databases []string
	clients   []int
	span      time.Duration
	json      bool
	costs     bool
	binary    string
	echo      string
}

// warm is how long clients work before it counts.
const warm = 300 * time.Millisecond

func flags(args []string, errOut io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errOut)
	var names []string
	for _, o := range operations() {
		names = append(names, o.name)
	}
	names = append(names, steadyName)
	only := f.String("only", "", "operations to measure, separated by commas: "+strings.Join(names, ", "))
	counts := f.String("clients", "1,16,64", "numbers of clients, separated by commas")
	databases := f.String("databases", "sqlite,postgres", "databases to measure on")
	seconds := f.Float64("seconds", 2, "how long each measurement takes")
	f.BoolVar(&s.json, "json", false, "print JSON instead of tables")
	f.BoolVar(&s.costs, "costs", true, "count rows, bytes and commits too")
	f.StringVar(&s.binary, "binary", "", "measure this `program` instead of building one")
	f.StringVar(&s.echo, "echo", "", "serve the yardstick on this `address` and do nothing else")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.span = time.Duration(*seconds * float64(time.Second))
	s.databases = strings.Split(*databases, ",")
	if *only != "" {
		s.only = strings.Split(*only, ",")
	}
	for _, text := range strings.Split(*counts, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			return s, fmt.Errorf("-clients: %q is not a number from 1 to %d", text, most)
		}
		s.clients = append(s.clients, n)
	}
	for _, name := range s.only {
		if !slices.Contains(names, name) {
			return s, fmt.Errorf("there is no operation %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	for _, d := range s.databases {
		if d != "sqlite" && d != "postgres" {
			return s, fmt.Errorf("there is no database %q; there are sqlite and postgres", d)
		}
	}
	if s.span <= 0 || f.NArg() > 0 {
		return s, errors.New("-seconds must be more than 0, and nothing stands after the flags")
	}
	return s, nil
}

func (s settings) operations() []operation {
	all := operations()
	if len(s.only) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(o operation) bool { return !slices.Contains(s.only, o.name) })
}

// wantsSteady says whether the reads at a fixed rate are measured, too.
func (s settings) wantsSteady() bool { return len(s.only) == 0 || slices.Contains(s.only, steadyName) }

func run(ctx context.Context, args []string, postgres string, out, errOut io.Writer) (err error) {
	s, err := flags(args, errOut)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.echo != "" {
		return echo(s.echo)
	}
	dir, err := os.MkdirTemp("", "deputy-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &report{Clients: s.clients, Seconds: s.span.Seconds()}
	b := bench{settings: s, dir: dir, postgres: postgres, report: r, told: newProgress(errOut, s)}
	if err := b.all(ctx); err != nil {
		return err
	}
	if s.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return r.markdown(out)
}

// bench is one run.
type bench struct {
	settings
	dir      string
	postgres string
	report   *report
	told     *progress
}

func (b *bench) all(ctx context.Context) error {
	defer b.told.done()
	var err error
	path, bytes := b.binary, size(b.binary)
	if path == "" {
		b.told.step("build deputy")
		if path, bytes, err = build(ctx, b.dir); err != nil {
			return err
		}
	}
	b.report.Machine, b.report.Binary = machine(), bytes
	if b.report.DiskSyncs, err = diskSyncs(b.dir, b.span); err != nil {
		return fmt.Errorf("yardstick: %w", err)
	}
	if err := b.yardstick(ctx); err != nil {
		return fmt.Errorf("yardstick: %w", err)
	}
	b.told.step("the consent engine alone")
	if b.report.Decide, err = decide(); err != nil {
		return err
	}
	for _, name := range b.databases {
		if err := b.database(ctx, name, path); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// yardstick measures what this machine can do at all.
func (b *bench) yardstick(ctx context.Context) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	p, err := start(ctx, "http://"+address+"/readyz", self, "-echo", address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.kill()) }()
	for _, n := range b.clients {
		b.told.step(fmt.Sprintf("a bare handler, %d clients", n))
		clients, done, err := connect(address, n, func(c *conn, _ int) client {
			request := post(nil, address, "/", "", "grant_type=client_credentials&scope="+ownScope)
			return func() error {
				_, err := c.want(200, request)
				return err
			}
		})
		if err != nil {
			return err
		}
		f, err := measure(clients, warm, b.span)
		done()
		if err != nil {
			return err
		}
		b.report.Echo = append(b.report.Echo, f)
	}
	return nil
}

// database measures everything on one database.
func (b *bench) database(ctx context.Context, name, binary string) (err error) {
	dir := filepath.Join(b.dir, name)
	d := &databaseReport{}
	b.report.Databases = append(b.report.Databases, d)
	var address string
	if name == "postgres" {
		if b.postgres == "" {
			return errors.New("DEPUTY_TEST_POSTGRES is empty; run this below scripts/postgres.sh")
		}
		if d.Name, err = postgresVersion(ctx, b.postgres); err != nil {
			return err
		}
		var drop func() error
		if address, drop, err = createDatabase(ctx, b.postgres, fmt.Sprintf("bench_%d", os.Getpid())); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, drop()) }()
	} else {
		d.Name = "SQLite, synchronous=FULL"
	}
	b.told.step(name + ": set up")
	w, err := newWorld(ctx, d.Name, binary, dir, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	return b.world(ctx, name, w, d)
}

func (b *bench) world(ctx context.Context, name string, w *world, d *databaseReport) (err error) {
	d.FirstStart = w.server.Ready
	if err := w.mint(); err != nil {
		return fmt.Errorf("mint tokens: %w", err)
	}
	for _, o := range b.operations() {
		m := &measured{Name: o.name, What: o.what, Aim: o.aim}
		d.Operations = append(d.Operations, m)
		for _, n := range b.clients {
			b.told.step(fmt.Sprintf("%s: %s, %d clients", name, o.what, n))
			f, err := b.figure(w, o, n)
			if err != nil {
				return fmt.Errorf("%s with %d clients: %w", o.what, n, err)
			}
			m.Figures = append(m.Figures, f)
		}
	}
	if b.wantsSteady() {
		if d.Steady, err = b.steady(w); err != nil {
			return fmt.Errorf("reads at a fixed rate: %w", err)
		}
	}
	if d.Memory, d.MostMemory, err = w.server.memory(); err != nil {
		return err
	}
	if b.costs {
		return b.cost(ctx, name, w, d)
	}
	return nil
}

func (b *bench) figure(w *world, o operation, n int) (figure, error) {
	clients, done, err := o.clients(w, n)
	if err != nil {
		return figure{}, err
	}
	defer done()
	before, err := w.server.worked()
	if err != nil {
		return figure{}, err
	}
	f, err := measure(clients, warm, b.span)
	if err != nil || o.elsewhere != nil {
		return f, err
	}
	after, err := w.server.worked()
	f.CPU = (after - before) / time.Duration(f.all)
	return f, err
}

func (b *bench) cost(ctx context.Context, name string, w *world, d *databaseReport) error {
	var l ledger = &sqliteLedger{path: w.dataFile()}
	if w.pages != "" {
		l = &postgresLedger{url: w.pages}
	}
	b.told.step(name + ": what an operation adds")
	var starts []time.Duration
	for i, o := range b.operations() {
		if !o.costs {
			continue
		}
		c, err := costOf(ctx, w, l, o)
		if err != nil {
			return fmt.Errorf("cost of %s: %w", o.what, err)
		}
		d.Operations[i].Cost = &c
		starts = append(starts, w.server.Ready)
	}
	if len(starts) > 0 {
		slices.Sort(starts)
		d.Start = percentile(starts, 50)
	}
	return nil
}
