// Package report draws a load.Result as one HTML file with SVG plots: light and dark, no script, and nothing that is loaded
// from elsewhere. The result itself is in it as JSON, in the element with the id "result".
//
// WriteCurves draws what was measured along one quantity in the same way.
//
// Owns: Write, WriteCurves, the pages, the plots.
// Does not own: the figures.
package report
