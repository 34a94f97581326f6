package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// report is everything that was found.
type report struct {
	Machine   string            `json:"machine"`
	Seconds   float64           `json:"seconds_each"`
	Clients   []int             `json:"clients"`
	Binary    int64             `json:"binary_bytes"`
	DiskSyncs float64           `json:"disk_syncs_per_second"`
	Echo      []figure          `json:"bare_handler"`
	Decide    time.Duration     `json:"decide_ns"` // with 10,000 grants
	Databases []*databaseReport `json:"databases"`
}

type databaseReport struct {
	Name       string        `json:"name"`
	FirstStart time.Duration `json:"first_start_ns"` // with keys and tables to make
	Start      time.Duration `json:"start_ns"`
	Memory     int64         `json:"memory_bytes"` // after the load
	MostMemory int64         `json:"most_memory_bytes"`
	Operations []*measured   `json:"operations"`
	Steady     *steady       `json:"steady,omitempty"`
}

type measured struct {
	Name    string   `json:"name"`
	What    string   `json:"what"`
	Aim     float64  `json:"aim_per_second,omitempty"`
	Figures []figure `json:"figures"`
	Cost    *cost    `json:"cost,omitempty"`
}

// machine says what was measured on.
func machine() string {
	parts := []string{strconv.Itoa(runtime.NumCPU()) + " cores"}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, model, _ := strings.Cut(string(text), "model name\t: ")
		model, _, _ = strings.Cut(model, "\n")
		parts = append(parts, model)
	}
	parts = append(parts, runtime.GOOS+"/"+runtime.GOARCH, runtime.Version())
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ := strings.Cut(string(text), " ")
		parts = append(parts, "load before "+load)
	}
	return strings.Join(parts, ", ")
}

// markdown writes the tables.
func (r *report) markdown(out io.Writer) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%s. The clients run on the same cores. %s s each. The disk does %s syncs of 8 kB a second.\n\n", r.Machine, short(r.Seconds), thousands(r.DiskSyncs))
	head(w, "", r.Clients)
	row(w, "a bare net/http handler", 0, r.Echo)
	for _, d := range r.Databases {
		fmt.Fprintf(w, "\n**%s**\n\n", d.Name)
		head(w, "aim", r.Clients)
		for _, m := range d.Operations {
			row(w, m.What, m.Aim, m.Figures)
		}
		d.broker(w)
		d.Steady.markdown(w)
		d.costs(w)
	}
	fmt.Fprintf(w, "\nThe consent engine decides about a request of a person with %s grants in %s ms (aim: 1).\n", thousands(grantsHeld), bare(r.Decide))
	fmt.Fprintf(w, "\n| | binary | first start | start | memory after the load | at most |\n|---|--:|--:|--:|--:|--:|\n")
	for _, d := range r.Databases {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", d.Name, megabytes(r.Binary), milliseconds(d.FirstStart), milliseconds(d.Start), megabytes(d.Memory), megabytes(d.MostMemory))
	}
	return w.Flush()
}

func head(w io.Writer, aim string, clients []int) {
	fmt.Fprintf(w, "| a second (p50 / p95 / p99 in ms) | %s |", aim)
	for _, n := range clients {
		if n == 1 {
			fmt.Fprint(w, " 1 client |")
			continue
		}
		fmt.Fprintf(w, " %d clients |", n)
	}
	fmt.Fprintf(w, " server's CPU each, µs |\n|---|--:|%s--:|\n", strings.Repeat("--:|", len(clients)))
}

func row(w io.Writer, what string, aim float64, figures []figure) {
	wanted := ""
	if aim > 0 {
		wanted = thousands(aim)
	}
	fmt.Fprintf(w, "| %s | %s |", what, wanted)
	for _, f := range figures {
		fmt.Fprintf(w, " %s (%s / %s / %s) |", thousands(f.PerSecond), bare(f.P50), bare(f.P95), bare(f.P99))
	}
	var least time.Duration // more is waking up, and what others did to the caches
	for _, f := range figures {
		if least == 0 || f.CPU < least {
			least = f.CPU
		}
	}
	if least > 0 {
		fmt.Fprintf(w, " %d |\n", least.Microseconds())
		return
	}
	fmt.Fprintln(w, " |")
}

// broker says what going through Deputy adds to a call.
func (d *databaseReport) broker(w io.Writer) {
	var through, straight *measured
	for _, m := range d.Operations {
		switch m.Name {
		case "reads":
			through = m
		case "direct":
			straight = m
		}
	}
	if through == nil || straight == nil {
		return
	}
	a, b := through.Figures[0], straight.Figures[0]
	fmt.Fprintf(w, "\nThe broker adds %s ms to a read at p50, %s at p95, %s at p99 (1 client).\n", bare(a.P50-b.P50), bare(a.P95-b.P95), bare(a.P99-b.P99))
}

func (d *databaseReport) costs(w io.Writer) {
	first := true
	for _, m := range d.Operations {
		if m.Cost == nil {
			continue
		}
		if first {
			fmt.Fprintf(w, "\n| one operation adds | rows | database bytes | commits | log bytes | syncs, 1 client | syncs, %d clients |\n|---|---|--:|--:|--:|--:|--:|\n", costClients)
			first = false
		}
		c := m.Cost
		where := ""
		if c.Where != "" {
			where = " (" + c.Where + ")"
		}
		fmt.Fprintf(w, "| %s | %s%s | %s | %s | %s | %s | %s |\n", m.What, short(c.Rows), where, thousands(c.Bytes), short(c.Commits), thousands(c.LogBytes), short(c.Alone), short(c.Together))
	}
}

// short writes a number with at most two digits after the point.
func short(n float64) string {
	text := strconv.FormatFloat(n, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func bare(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 2, 64)
}

func milliseconds(d time.Duration) string {
	if d == 0 {
		return "not measured"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
}

func megabytes(n int64) string {
	return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
}

// thousands writes a whole number with commas.
func thousands(n float64) string {
	text := strconv.FormatInt(int64(n+0.5), 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
