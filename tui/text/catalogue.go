package text

import "maps"

// pair is one text in the languages of Languages, in that order.
type pair [2]string

// catalogue is every text of the console. Nobody changes it.
var catalogue = merge(frameTexts, keyTexts, channelTexts, formTexts, pageTexts, alarmTexts, saidTexts)

func merge(tables ...map[string]pair) map[string]pair {
	all := map[string]pair{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}
