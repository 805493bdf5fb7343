package remote

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/spf13/cobra"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/commandline"
	"github.com/openwearables/openwearables/internal/workoutfile"
)

const aboutImport = `
FILE is CSV, JSON, the export of Apple Health (export.zip, or the export.xml in it), or
FIT. The name tells which, else --format does. Of Apple Health only the workouts are read.

The columns of CSV are named as the members of a workout in the reference of the API; it
needs type, start_time, and end_time or duration_seconds. JSON is a list of workouts as
UpsertWorkouts takes them, an object with the member workouts, or one object a line.

The same file again changes nothing: each workout has an external id that stays the same,
its own or one made of its start, its end and its type. A workout that a phone has synced
too has another id there, and is kept twice.

A workout that is wrong is reported on standard error with its place in the file, and left
out: then the exit status is 1. After an error the command says how to go on.
`

const maxReported = 100 // workouts that are wrong, each with what is wrong

// importation is one file that is stored for a user.
type importation struct {
	access                 *access
	user, format, provider string
	skip                   int
	notes                  io.Writer
	wrong                  int
	reported               int
	ended                  error
}

// WorkoutImport returns the command that stores the workouts of a file.
func (r *Commands) WorkoutImport() *cobra.Command {
	in := &importation{access: r.access()}
	c := plainCommand("import FILE", "store the workouts of a file: CSV, JSON, Apple Health's export or FIT", aboutImport,
		func(c *cobra.Command, args []string) error { return in.run(c, args[0]) })
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return commandline.UsageError("workout import needs one file; see openwearables workout import --help")
		}
		return nil
	}
	c.ValidArgsFunction = nil // files
	flags := c.Flags()
	flags.StringVar(&in.user, "user", "", "the user's `id`")
	flags.StringVar(&in.format, "format", "", "`format` of the file: csv, json, apple or fit; its name tells by default")
	flags.StringVar(&in.provider, "provider", "import", "`name` of the provider of workouts that the file names none of, such as garmin")
	flags.IntVar(&in.skip, "skip", 0, "`number` of workouts at the beginning of the file that are stored already")
	in.access.declare(c)
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"csv", "json", "apple", "fit"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (in *importation) run(c *cobra.Command, path string) error {
	format := workoutfile.Format(in.format)
	if in.format == "" {
		format = workoutfile.FormatOf(path)
	}
	switch {
	case in.user == "":
		return commandline.UsageError("workout import needs --user")
	case format == "":
		return commandline.UsageError("the name of the file does not tell its format: give --format, csv, json, apple or fit")
	case in.skip < 0:
		return commandline.UsageError("--skip must not be negative")
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	client, err := in.access.client()
	if err != nil {
		return err
	}
	in.notes = c.ErrOrStderr()
	report, err := client.Workouts.UpsertAll(c.Context(), in.user, in.workouts(file, format),
		openwearables.ResumeAt(in.skip), openwearables.OnProgress(in.rejected))
	fmt.Fprintf(c.OutOrStdout(), "%d created, %d updated, %d refused, %d unreadable\n", report.Created, report.Updated, report.Rejections, in.wrong)
	if err == nil && in.ended != nil {
		err = fmt.Errorf("%s: %w", path, in.ended)
	} else if err != nil {
		err = callError(err)
	}
	switch {
	case err != nil && report.Done > 0:
		fmt.Fprintf(in.notes, "openwearables: go on with --skip %d\n", report.Done)
		return err
	case err != nil:
		return err
	case report.Rejections+in.wrong > 0:
		return errors.New("not all workouts are stored")
	default:
		return nil
	}
}

// workouts yields those of the file, and reports the others.
func (in *importation) workouts(file *os.File, format workoutfile.Format) iter.Seq[*owv1.WorkoutInput] {
	return func(yield func(*owv1.WorkoutInput) bool) {
		in.ended = workoutfile.Read(file, format, in.provider, func(w *owv1.WorkoutInput, err error) bool {
			if err != nil {
				in.wrong++
				in.report(err.Error())
				return true
			}
			return yield(w)
		})
	}
}

// rejected reports what the server refused of a batch.
func (in *importation) rejected(r openwearables.UploadReport) {
	for _, one := range r.Rejected {
		in.report(fmt.Sprintf("workout %d (%s) %s: %s", one.Index+1, commandline.Printable(one.ExternalID), one.Field, one.Message))
	}
}

func (in *importation) report(text string) {
	switch in.reported++; {
	case in.reported <= maxReported:
		fmt.Fprintln(in.notes, "openwearables:", commandline.Printable(text))
	case in.reported == maxReported+1:
		fmt.Fprintln(in.notes, "openwearables: and more, which are counted")
	}
}
