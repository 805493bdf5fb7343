package alert

import (
	"context"
	"maps"
	"slices"
	"time"
)

// uses looks at the keys that were used since it did so last, and from time to time
// at all that were used in two days: a node may have written late that it served one.
func (p *pass) uses(ctx context.Context) error {
	today := p.now.UTC().Truncate(day)
	since := p.run.Used.Add(-lateUses)
	swept := p.run.Swept
	if p.now.Sub(swept).Abs() >= sweepEvery {
		since, swept = today.Add(-day), p.now
	}
	used := slices.DeleteFunc(slices.Clone(p.keys), func(k Key) bool { return k.LastUsedAt == nil || k.LastUsedAt.Before(since) })
	for some := range slices.Chunk(used, batch) {
		if err := p.usesOf(ctx, some, today.Add(-day)); err != nil {
			return err
		}
	}
	p.run.Used, p.run.Swept = p.now, swept // stored with the states
	return nil
}

// usesOf looks at how some keys were used from the day on. What it learns of a key is
// stored together, and of some keys at a time, so that no transaction takes long.
func (p *pass) usesOf(ctx context.Context, keys []Key, from time.Time) error {
	subjects := make([]string, len(keys))
	for i := range keys {
		subjects[i] = keys[i].subject()
	}
	networks, err := p.Store.Networks(ctx, subjects, from)
	if err != nil {
		return err
	}
	known, learned, err := p.known(ctx, subjects, from)
	if err != nil {
		return err
	}
	var c Changes
	for i, s := range subjects {
		u := Use{Key: keys[i], Networks: networks[s], Known: known[s], Began: p.run.Began}
		if p.settings.Slept(&u) {
			_, last := u.Known.span()
			if u.Before, err = p.Store.UsedUntil(ctx, s, last.Add(sightAgain)); err != nil {
				return err
			}
		}
		found, seen := p.settings.Uses([]Use{u})
		c.Findings = append(c.Findings, found...)
		c.Seen = append(append(c.Seen, learned[s]...), seen...)
		if last := i == len(subjects)-1; last && !c.empty() || len(c.Findings) >= fewChanges || len(c.Seen) >= fewSightings {
			if err := p.change(ctx, c); err != nil {
				return err
			}
			c = Changes{}
		}
	}
	return nil
}

// known returns the sightings of the subjects: of one that has none, those that its
// requests before the day tell of, which are learned.
func (p *pass) known(ctx context.Context, subjects []string, day time.Time) (known map[string]Known, learned map[string][]Sighting, err error) {
	all, err := p.Store.Sightings(ctx, subjects)
	if err != nil {
		return nil, nil, err
	}
	known = NewKnown(all)
	var unknown []string
	for _, s := range subjects {
		if known[s] == nil {
			unknown = append(unknown, s)
		}
	}
	if len(unknown) == 0 {
		return known, nil, nil
	}
	all, err = p.Store.Sighted(ctx, unknown, day, maxSighted)
	learned = make(map[string][]Sighting)
	for _, s := range all {
		learned[s.Subject] = append(learned[s.Subject], s)
	}
	maps.Copy(known, NewKnown(all))
	return known, learned, err
}

// requests returns what the keys that were used lately and the applications have
// requested: in the window of refusals, and in hours that are worth a look.
func (p *pass) requests(ctx context.Context) (refused []Requests, hours []Hours, err error) {
	hour := p.now.UTC().Truncate(time.Hour)
	since := p.now.Add(-p.settings.Window(RefusalBurst))
	created := make(map[string]time.Time)
	var subjects []string
	for i := range p.keys {
		if k := &p.keys[i]; k.LastUsedAt != nil && !k.LastUsedAt.Before(earlier(hour.Add(-time.Hour), since)) {
			subjects = append(subjects, k.subject())
			created[k.subject()] = k.CreatedAt
		}
	}
	for i := range p.apps {
		s := "application:" + p.apps[i].AppID
		subjects = append(subjects, s)
		created[s] = p.apps[i].CreatedAt
	}
	for some := range slices.Chunk(subjects, batch) {
		r, err := p.Store.RefusedRequests(ctx, some, since, p.settings.LeastRefused())
		if err != nil {
			return nil, nil, err
		}
		refused = append(refused, r...)
		counts, err := p.Store.HourRequests(ctx, some, []time.Time{hour, hour.Add(-time.Hour)}, p.settings.LeastRequests())
		if err != nil {
			return nil, nil, err
		}
		weeks, err := p.earlierWeeks(ctx, counts)
		if err != nil {
			return nil, nil, err
		}
		for _, c := range counts {
			before := p.before(weeks[c.Subject], created[c.Subject], c.At)
			hours = append(hours, Hours{Subject: c.Subject, At: c.At, Requests: c.Requests, Before: before})
		}
	}
	return refused, hours, nil
}

// likeHours returns the same hour of a week before and those beside it: work that is
// due at a local time moves by an hour.
func likeHours(at time.Time, weeks int) [3]time.Time {
	same := at.AddDate(0, 0, -7*weeks)
	return [3]time.Time{same.Add(-time.Hour), same, same.Add(time.Hour)}
}

// earlierWeeks returns the requests of the subjects in the hours with which those of the
// counts are compared.
func (p *pass) earlierWeeks(ctx context.Context, counts []HourCount) (map[string]map[time.Time]int64, error) {
	requests, hours := make(map[string]map[time.Time]int64), make(map[time.Time]bool)
	for _, c := range counts {
		requests[c.Subject] = make(map[time.Time]int64)
		for i := range Weeks {
			for _, hour := range likeHours(c.At, i+1) {
				hours[hour] = true
			}
		}
	}
	if len(counts) == 0 {
		return requests, nil
	}
	all, err := p.Store.HourRequests(ctx, slices.Collect(maps.Keys(requests)), slices.Collect(maps.Keys(hours)), 1)
	for _, c := range all {
		requests[c.Subject][c.At] = c.Requests
	}
	return requests, err
}

// before returns, of each week before that can be compared, the most requests in one of
// the hours that are like the one.
func (p *pass) before(requests map[time.Time]int64, created, at time.Time) (before []int64) {
	for i := range Weeks {
		like := likeHours(at, i+1)
		if same := like[1]; same.Before(created) || p.Hours > 0 && p.now.Sub(same) >= p.Hours {
			break
		}
		before = append(before, max(requests[like[0]], requests[like[1]], requests[like[2]]))
	}
	return before
}
