package leak

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// What SARIF 2.1.0 calls its objects, as far as a report needs them.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
		Properties  Summary           `json:"properties"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string         `json:"id"`
		Name             string         `json:"name"`
		ShortDescription sarifText      `json:"shortDescription"`
		FullDescription  sarifText      `json:"fullDescription"`
		Help             sarifText      `json:"help"`
		Configuration    sarifLevel     `json:"defaultConfiguration"`
		Properties       map[string]any `json:"properties"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Properties   map[string]string `json:"properties,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int64 `json:"startLine"`
		StartColumn int64 `json:"startColumn"`
		EndColumn   int64 `json:"endColumn"`
	}
)

const level = "error"

// WriteSARIF writes the report as a log of SARIF 2.1.0 with what code scanning of
// GitHub needs.
func (r Report) WriteSARIF(w io.Writer) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "openwearables scan", InformationURI: "https://github.com/openwearables/openwearables", Rules: sarifRules(),
		}},
		Invocations: []sarifInvocation{{Successful: r.Summary.NotScanned == 0, Notifications: []sarifNotification{}}},
		ColumnKind:  "unicodeCodePoints", Results: []sarifResult{}, Properties: r.Summary,
	}
	for _, p := range r.Problems {
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, sarifNotification{
			level, sarifText{"not scanned: " + p.Message}, []sarifLocation{{sarifPhysical{Artifact: sarifArtifact{uri(p.Path)}}}},
		})
	}
	ordinals := map[[2]string]int{}
	for _, f := range r.Findings {
		where := [2]string{f.Path, f.Fingerprint}
		ordinals[where]++
		run.Results = append(run.Results, f.sarif(ordinals[where]))
	}
	return writeJSON(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func sarifRules() []sarifRule {
	rules := make([]sarifRule, 0, len(kinds))
	for i := range kinds {
		k := &kinds[i]
		rules = append(rules, sarifRule{
			ID: k.rule(), Name: k.rule(), ShortDescription: sarifText{"Open Wearables " + k.title},
			FullDescription: sarifText{fmt.Sprintf("A file holds a secret of Open Wearables, by its form and checksum: %s.", k.title)},
			Help:            sarifText{k.advice}, Configuration: sarifLevel{level},
			Properties: map[string]any{"tags": []string{"security"}, "precision": "very-high", "security-severity": "9.0"},
		})
	}
	return rules
}

// sarif returns the finding as the n-th result of its secret in its file. Its
// fingerprint stays the same when the line moves.
func (f Finding) sarif(n int) sarifResult {
	k := kindOf(f.Kind)
	result := sarifResult{
		RuleID: k.rule(), Level: level, Message: sarifText{f.title() + ". " + k.advice},
		Fingerprints: map[string]string{"primaryLocationLineHash": fmt.Sprintf("%s:%d", f.Fingerprint, n), "openwearables/v1": f.Fingerprint},
	}
	for i := range kinds {
		if kinds[i].kind == f.Kind {
			result.RuleIndex = i
		}
	}
	path := f.Path
	if f.Object != "" {
		result.Properties = map[string]string{"repository": f.Repository, "commit": f.Commit, "object": f.Object}
		if path == "" {
			path = ".git/objects/" + f.Object[:2] + "/" + f.Object[2:]
		}
	}
	result.Locations = []sarifLocation{{sarifPhysical{sarifArtifact{uri(path)}, &sarifRegion{f.Line, f.Column, f.Column + f.length}}}}
	return result
}

// uri returns a path as a reference to a URI: relative if the path is.
func uri(path string) string {
	path = filepath.ToSlash(path)
	if strings.HasPrefix(path, "/") {
		return (&url.URL{Scheme: "file", Path: path}).String()
	}
	return (&url.URL{Path: path}).String()
}
