package text

// saidTexts are what the box says, for people who read another language than its
// English, and how places are named.
var saidTexts = map[string]pair{
	"place.box":     {"box", "máy"},
	"place.channel": {"channel %s", "kênh %s"},
	"place.input":   {"%s, input %d", "%s, đầu vào %d"},
	"place.output":  {"%s, output %d", "%s, đầu ra %d"},

	"said.restored":        {"restored revision %s", "khôi phục phiên bản %s"},
	"said.first":           {"first start", "khởi động lần đầu"},
	"said.place":           {"place %s", "vị trí %s"},
	"said.inputs":          {"%s input|%s inputs", "%s đầu vào"},
	"said.outputs":         {"%s output|%s outputs", "%s đầu ra"},
	"said.input":           {"input %d", "đầu vào %d"},
	"said.output":          {"output %d", "đầu ra %d"},
	"said.off_air":         {"goes off air", "ngừng phát"},
	"said.on_air":          {"goes on air", "bắt đầu phát"},
	"said.rewrite":         {"inputs restart, because the names or PIDs on the way out change", "các đầu vào khởi động lại vì tên hoặc PID ở đầu ra thay đổi"},
	"said.inputs_restart":  {"inputs that changed restart; viewers notice if one of them is on air", "đầu vào bị sửa sẽ khởi động lại; người xem nhận thấy nếu nó đang phát"},
	"said.outputs_restart": {"outputs that changed restart; the others go on", "đầu ra bị sửa sẽ khởi động lại; các đầu ra khác vẫn chạy"},
	"said.hls":             {"HLS goes on behind a discontinuity", "HLS tiếp tục sau một điểm gián đoạn"},
	"said.http_moves":      {"viewers and the API move to %s", "người xem và API chuyển sang %s"},
	"said.ssh_moves":       {"the console moves to %s", "bảng điều khiển chuyển sang %s"},
	"said.no_file":         {"this machine has no file “%s” now: %s", "máy này hiện không có tệp “%s”: %s"},
	"said.no_interface":    {"this machine has no interface “%s” now", "máy này hiện không có giao diện “%s”"},
	"said.no_input":        {"no input is enabled: the channel will not go on air", "không có đầu vào nào được bật: kênh sẽ không phát"},
	"said.range":           {"%s is out of range: expected %s", "%s nằm ngoài giới hạn: cần %s"},
	"said.name_taken":      {"“%s” is the name of another channel: expected a name of its own", "“%s” là tên của kênh khác: cần một tên riêng"},
	"said.name_empty":      {"is empty: expected letters, digits and . _ - /, such as news or sport/hd", "còn trống: cần chữ, số và . _ - /, như news hoặc sport/hd"},
}
