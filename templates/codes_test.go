package templates

import "time"

func codesExamples() []example {
	stranger := Frame{CSRF: "page-token", Path: "/signin", Return: "/", Now: noon()}
	again, path := frame("/signin/again"), frame("/sessions/codes")
	again.Return = "/sessions/codes/remove"
	allow := again
	allow.Return = "/consent?flow=sealed&outcome=saved&stakes=agents.writes.unattended"
	fresh := NewCodes{Frame: path, Side: 9, Square: "M4 4h1v1h-1z", Key: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", Ticket: "sealed"}
	wrong, bad := fresh, fresh
	wrong.Wrong, bad.Ticket, bad.Square = true, hostile(), `M0 0"/><script>`
	ten := []string{"2C4F7-GH9JK", "MN3PQ-RT6VW", "XYZ22-34567", "89BCD-FGHJK", "B2345-67892", "C2345-67892", "D2345-67892", "F2345-67892", "G2345-67892", "H2345-67892"}
	return []example{
		{"signin-code", SignInCode{Frame: stranger, Ticket: "sealed"}},
		{"signin-code-app", SignInCode{Frame: stranger, Ticket: "sealed", AppName: "Repo Scout", AppHost: "reposcout.example"}},
		{"signin-code-wrong", SignInCode{Frame: stranger, Ticket: "sealed", Tried: Tried{WrongCode: true}}},
		{"signin-code-wait", SignInCode{Frame: stranger, Ticket: "sealed", Tried: Tried{Wait: 14 * time.Minute}}},
		{"signin-code-hostile", SignInCode{Frame: stranger, Ticket: hostile(), AppName: hostile()}},
		{"prove-code", Prove{Frame: again, For: ToChangeCodes, Weak: true, Password: true, Code: true}},
		{"prove-code-wrong", Prove{Frame: again, For: ToChangeCodes, Password: true, Code: true, Tried: Tried{WrongCode: true}}},
		{"prove-allow", Prove{Frame: allow, For: ToAllow, Weak: true, AppName: "Repo Scout", Stakes: []string{"Make changes without asking you each time"}, Password: true, Code: true}},
		{"prove-hostile", Prove{Frame: allow, For: ToAllow, AppName: hostile(), Password: true, Code: true}},
		{"codes-off", Codes{Frame: path}},
		{"codes-on", Codes{Frame: path, On: true, Left: 10}},
		{"codes-last", Codes{Frame: path, On: true}},
		{"codes-new", fresh},
		{"codes-new-wrong", wrong},
		{"codes-new-hostile", bad},
		{"codes-renew", ChangeCodes{Frame: path, Renew: true}},
		{"codes-remove", ChangeCodes{Frame: path}},
		{"recovery", RecoveryCodes{Frame: path, Host: "deputy.example", Codes: ten}},
	}
}
