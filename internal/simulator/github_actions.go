package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// run is one build of the one workflow that every repository has.
type run struct {
	id     int64
	branch string
	event  string
	state  string // queued | completed
	end    string // success | failure; "" while it is not completed
	tries  int    // beyond the first
	inputs map[string]string
	at     time.Time
}

// workflowFile is the file of that workflow, and its id the repository's.
const workflowFile = "ci.yml"

func (g *GitHub) actionRoutes() {
	g.handleRepo("GET", "/actions/workflows", func(c apiCall) apiReply {
		return counted("workflows", paged(c, c.repo.idPath("/actions/workflows"), []*repository{c.repo}, c.site.workflow))
	})
	g.handleRepo("GET", "/actions/workflows/{workflow}/runs", withWorkflow(g.listRuns))
	g.handleRepo("POST", "/actions/workflows/{workflow}/dispatches", withWorkflow(g.dispatch))
	g.handleRepo("GET", "/actions/runs", g.listRuns)
	g.handleRepo("GET", "/actions/runs/{run}", withRun(func(c apiCall, r *run) apiReply { return ok(c.site.run(c.repo)(r)) }))
	g.handleRepo("GET", "/actions/runs/{run}/jobs", withRun(g.listJobs))
	g.handleRepo("POST", "/actions/runs/{run}/rerun", withRun(g.rerun))
}

// counted puts a list into an object with its length, as this part of the API does.
func counted(name string, reply apiReply) apiReply {
	list, _ := reply.body.([]object)
	reply.body = object{"total_count": len(list), name: list}
	return reply
}

func withWorkflow(h apiHandler) apiHandler {
	return func(c apiCall) apiReply {
		if name := c.PathValue("workflow"); name != workflowFile && name != strconv.FormatInt(c.repo.id, 10) {
			return notFound()
		}
		return h(c)
	}
}

func withRun(h func(apiCall, *run) apiReply) apiHandler {
	return func(c apiCall) apiReply {
		for _, r := range c.repo.runs {
			if strconv.FormatInt(r.id, 10) == c.PathValue("run") {
				return h(c, r)
			}
		}
		return notFound()
	}
}

func (g *GitHub) listRuns(c apiCall) apiReply {
	var list []*run
	for _, r := range c.repo.runs {
		fits := true
		for asked, has := range map[string][]string{"branch": {r.branch}, "event": {r.event}, "status": {r.state, r.end}} {
			if want := c.query.Get(asked); want != "" && !slices.Contains(has, want) {
				fits = false
			}
		}
		if fits {
			list = append(list, r)
		}
	}
	slices.Reverse(list)
	return counted("workflow_runs", paged(c, c.repo.idPath("/actions/runs"), list, c.site.run(c.repo)))
}

func (g *GitHub) listJobs(c apiCall, r *run) apiReply {
	self := fmt.Sprintf("%s/repos/%s/actions/runs/%d", c.site.api, c.repo.fullName(), r.id)
	step := object{"name": "Run npm test", "number": 1, "status": r.state, "conclusion": textOrNull(r.end)}
	job := object{
		"id": r.id*10 + 1, "run_id": r.id, "run_url": self, "name": "test", "status": r.state, "conclusion": textOrNull(r.end),
		"head_branch": r.branch, "started_at": r.at.Format(githubTime), "steps": []object{step},
	}
	return ok(object{"total_count": 1, "jobs": []object{job}})
}

// dispatch starts a build.
func (g *GitHub) dispatch(c apiCall) apiReply {
	if refusal := g.mayPush(c); refusal != nil {
		return *refusal
	}
	var sent struct {
		Ref    string
		Inputs map[string]string
	}
	if err := json.Unmarshal(c.sent, &sent); err != nil {
		return complaint(http.StatusBadRequest, "Problems parsing JSON")
	}
	switch {
	case !slices.Contains(c.repo.branches(), sent.Ref):
		return complaint(http.StatusUnprocessableEntity, "No ref found for: "+sent.Ref)
	case len(c.repo.runs) >= maxIssues:
		return complaint(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	}
	id := c.repo.id*10 + int64(len(c.repo.runs)) + 1
	c.repo.runs = append(c.repo.runs, &run{id: id, branch: sent.Ref, event: "workflow_dispatch", state: "queued", inputs: sent.Inputs, at: g.cfg.Now().UTC()})
	return apiReply{status: http.StatusNoContent}
}

func (g *GitHub) rerun(c apiCall, r *run) apiReply {
	if refusal := g.mayPush(c); refusal != nil {
		return *refusal
	}
	if r.state != "completed" {
		return complaint(http.StatusForbidden, "This workflow is already running")
	}
	r.state, r.end, r.tries = "queued", "", r.tries+1
	reply := ok(object{})
	reply.status = http.StatusCreated
	return reply
}

func (s site) workflow(r *repository) object {
	self := fmt.Sprintf("%s/repos/%s/actions/workflows/%d", s.api, r.fullName(), r.id)
	return object{
		"id": r.id, "node_id": nodeID("W", r.id), "name": "CI", "path": ".github/workflows/" + workflowFile, "state": "active", "url": self,
		"html_url": s.web + "/" + r.fullName() + "/blob/main/.github/workflows/" + workflowFile,
	}
}

// run is a build, with the whole repository in it, as at GitHub.
func (s site) run(r *repository) func(*run) object {
	return func(one *run) object {
		self := fmt.Sprintf("%s/repos/%s/actions/runs/%d", s.api, r.fullName(), one.id)
		repo := s.repository(r, caller{}, false)
		return object{
			"id": one.id, "node_id": nodeID("WFR", one.id), "name": "CI", "head_branch": one.branch, "head_sha": r.head(one.branch).sha,
			"run_number": one.id % 10, "run_attempt": one.tries + 1, "event": one.event, "status": one.state, "conclusion": textOrNull(one.end),
			"workflow_id": r.id, "url": self, "html_url": fmt.Sprintf("%s/%s/actions/runs/%d", s.web, r.fullName(), one.id),
			"created_at": one.at.Format(githubTime), "updated_at": one.at.Format(githubTime), "jobs_url": self + "/jobs", "logs_url": self + "/logs",
			"artifacts_url": self + "/artifacts", "repository": repo, "head_repository": repo,
		}
	}
}
