package simulator

import (
	"fmt"
	"time"
)

// seedFile is one line of the table of files that always exist.
type seedFile struct {
	id, parent, name, mime, content string
	daysAgo                         int
}

// seedDrive puts files into the drives. Ana's folder Projects has a subfolder, a
// shortcut out of it, and more files than fit on a small page.
func (w *googleWorld) seedDrive(today time.Time) {
	ana, ben := w.accounts[0], w.accounts[1]
	text := "text/plain"
	w.addFiles(today, ana, "", []seedFile{
		{"1AnaProjectsFolder0000000000000000", ana.root, "Projects", googleFolder, "", 1},
		{"1AnaRelaunchFolder0000000000000000", "1AnaProjectsFolder0000000000000000", "Website relaunch", googleFolder, "", 1},
		{"1AnaRelaunchPlanDoc000000000000000", "1AnaRelaunchFolder0000000000000000", "Relaunch plan", googleDoc, "# Relaunch plan\n\nNew shop front in March. Ben writes the texts.\n", 1},
		{"1AnaRelaunchCostSheet0000000000000", "1AnaRelaunchFolder0000000000000000", "Costs", googleSheet, "Item,Cost\nPhotos,1200\nTexts,800\n", 2},
		{"1AnaLogoSvg00000000000000000000000", "1AnaRelaunchFolder0000000000000000", "logo.svg", "image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n", 4},
		{"1AnaMeetingNotesTxt000000000000000", "1AnaProjectsFolder0000000000000000", "Meeting notes.txt", text, "Ana and Ben met on Monday.\n", 3},
		{"1AnaPrivateFolder00000000000000000", ana.root, "Private", googleFolder, "", 9},
		{"1AnaDiaryDoc0000000000000000000000", "1AnaPrivateFolder00000000000000000", "Diary", googleDoc, "Nobody else reads this.\n", 9},
		{"1AnaOldListTxt00000000000000000000", ana.root, "Old list.txt", text, "Not needed any more.\n", 40},
	})
	for i := 1; i <= 24; i++ {
		w.addFiles(today, ana, "", []seedFile{{fmt.Sprintf("1AnaInvoice%02d00000000000000000000", i), ana.root, fmt.Sprintf("Invoice %02d.txt", i), text, fmt.Sprintf("Invoice number %d\n", i), 10 + i}})
	}
	w.file("1AnaOldListTxt00000000000000000000").trashed = true
	w.addFiles(today, ana, "", []seedFile{{"1AnaShortcutToDiary000000000000000", "1AnaProjectsFolder0000000000000000", "Diary", googleLink, "", 5}})
	w.file("1AnaShortcutToDiary000000000000000").target = "1AnaDiaryDoc0000000000000000000000"

	w.addFiles(today, ben, "", []seedFile{
		{"1BenTextsFolder0000000000000000000", ben.root, "Texts", googleFolder, "", 2},
		{"1BenShopTextDoc0000000000000000000", "1BenTextsFolder0000000000000000000", "Shop texts", googleDoc, "Welcome to our shop.\n", 2},
	})
	w.file("1BenShopTextDoc0000000000000000000").readers = []string{"ana"}
	office := w.drives[0].id
	w.addFiles(today, nil, office, []seedFile{
		{"1OfficeHandbookFolder0000000000000", office, "Handbook", googleFolder, "", 20},
		{"1OfficeHolidayRulesDoc000000000000", "1OfficeHandbookFolder0000000000000", "Holiday rules", googleDoc, "Ask two weeks ahead.\n", 20},
		{"1OfficeFloorPlanTxt000000000000000", office, "Floor plan.txt", text, "Kitchen is on the left.\n", 30},
	})
}

func (w *googleWorld) addFiles(today time.Time, owner *googleAccount, drive string, list []seedFile) {
	for _, s := range list {
		at := today.AddDate(0, 0, -s.daysAgo).Add(9 * time.Hour)
		w.files = append(w.files, &driveFile{
			id: s.id, parent: s.parent, name: s.name, mime: s.mime, content: []byte(s.content), owner: owner, drive: drive,
			created: at, modified: at, version: 1,
		})
	}
}

// seedMail fills the mailboxes: a thread between the two, mail from outside with
// an attachment, and a sign-in code that nobody else should read.
func (w *googleWorld) seedMail(today time.Time) {
	ana, ben := w.accounts[0], w.accounts[1]
	for _, label := range []string{"Customers", "Receipts"} {
		ana.mailbox.addLabel(label)
	}
	ben.mailbox.addLabel("Texts")
	at := func(daysAgo, hour int) time.Time {
		return today.AddDate(0, 0, -daysAgo).Add(time.Duration(hour) * time.Hour)
	}
	first := &mail{from: "Ben Okafor <" + ben.email + ">", to: []string{ana.email}, subject: "Texts for the shop", text: "Shall I write them this week?\n", date: at(3, 10)}
	ana.mailbox.deliver(first, "", "INBOX")
	answer := &mail{from: "Ana Ferreira <" + ana.email + ">", to: []string{ben.email}, subject: "Re: Texts for the shop", text: "Yes please.\n", date: at(3, 11)}
	ana.mailbox.deliver(answer, first.thread, "SENT")
	ana.mailbox.deliver(&mail{
		from: "Customer <carla@customer.example>", to: []string{ana.email}, subject: "Order 1042", text: "Where is my order?\n", date: at(2, 8),
	}, "", "INBOX", "UNREAD", "Label_1")
	ana.mailbox.deliver(&mail{
		from: "Shop <billing@supplier.example>", to: []string{ana.email}, subject: "Your receipt", text: "The receipt is attached.\n", date: at(1, 8),
		attachments: []attachment{{"receipt.txt", "text/plain", []byte("Paper, 20 boxes: 42.00\n")}},
	}, "", "INBOX", "Label_2")
	ana.mailbox.deliver(&mail{
		from: "Bank <no-reply@bank.example>", to: []string{ana.email}, subject: "Your sign-in code", text: "Your code is 482913. Tell nobody.\n", date: at(0, 7),
	}, "", "INBOX", "UNREAD")
	for i := 1; i <= 30; i++ {
		ana.mailbox.deliver(&mail{
			from: "News <news@paper.example>", to: []string{ana.email}, subject: fmt.Sprintf("Morning news %02d", i), text: "All quiet.\n", date: at(40-i, 6),
		}, "", "INBOX", "CATEGORY_UPDATES")
	}
	copied := *first
	ben.mailbox.deliver(&copied, "", "SENT")
}

// seedCalendars makes one calendar a person, one they share and one they can only
// read.
func (w *googleWorld) seedCalendars(today time.Time) {
	ana, ben := w.accounts[0], w.accounts[1]
	anas := &calendar{id: ana.email, name: ana.email, primaryOf: ana, roles: map[string]string{"ana": "owner"}}
	bens := &calendar{id: ben.email, name: ben.email, primaryOf: ben, roles: map[string]string{"ben": "owner"}}
	team := &calendar{id: "c_team0northwind@group.calendar.google.com", name: "Team", roles: map[string]string{"ana": "owner", "ben": "reader"}}
	days := &calendar{id: "en.portuguese#holiday@group.v.calendar.google.com", name: "Holidays in Portugal", roles: map[string]string{"ana": "reader"}}
	w.calendars = []*calendar{anas, bens, team, days}
	meet := func(c *calendar, id, title string, day, hour, minutes int) {
		from := today.AddDate(0, 0, day).Add(time.Duration(hour) * time.Hour)
		c.add(&event{id: id, at: today, body: object{
			"summary": title, "start": object{"dateTime": from.Format(time.RFC3339), "timeZone": "Europe/Lisbon"},
			"end": object{"dateTime": from.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339), "timeZone": "Europe/Lisbon"},
		}})
	}
	meet(anas, "dentist0000000001", "Dentist", 1, 9, 60)
	meet(anas, "talkwithben000001", "Talk with Ben", 1, 14, 30)
	meet(anas, "payday00000000001", "Accounts", 3, 10, 90)
	meet(bens, "gym00000000000001", "Gym", 1, 18, 60)
	meet(team, "standup0000000001", "Stand-up", 1, 8, 15)
	meet(team, "launch00000000001", "Relaunch", 20, 9, 480)
	holiday := today.AddDate(0, 0, 6)
	days.add(&event{id: "holiday0000000001", at: today, body: object{
		"summary": "Restoration Day", "start": object{"date": holiday.Format(time.DateOnly)}, "end": object{"date": holiday.AddDate(0, 0, 1).Format(time.DateOnly)},
	}})
}
