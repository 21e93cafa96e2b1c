package text

// alarmTexts are alarms in Vietnamese, by code. English comes from their definitions.
var alarmTexts = map[string]pair{
	"alarm.input_lost.title":  {"", "một đầu vào không có dữ liệu"},
	"alarm.input_lost.cause":  {"", "bên gửi đã dừng, mạng ở giữa mất nhóm multicast, hoặc địa chỉ sai"},
	"alarm.input_lost.remedy": {"", "xem lỗi gần nhất của đầu vào; kiểm tra bên gửi còn chạy và nhóm, cổng, giao diện đúng chưa"},

	"alarm.input_warning.title":  {"", "một đầu vào chạy được nhưng không đúng như cần có"},
	"alarm.input_warning.cause":  {"", "xem phần ghi nhận: giới hạn của hệ thống, luồng bất thường, hoặc máy chủ chậm"},
	"alarm.input_warning.remedy": {"", "đọc phần ghi nhận, sửa điều được nêu, rồi chạy 'headend doctor'"},

	"alarm.on_standby.title":  {"", "một kênh đang dùng đầu vào dự phòng"},
	"alarm.on_standby.cause":  {"", "đầu vào tốt hơn bị mất, hoặc có người đã chọn đầu vào này"},
	"alarm.on_standby.remedy": {"", "khắc phục đầu vào tốt hơn, hoặc cho kênh tự chọn lại nếu đang bị giữ bằng tay"},

	"alarm.channel_off_air.title":  {"", "một kênh ngừng phát sóng"},
	"alarm.channel_off_air.cause":  {"", "không đầu vào nào của kênh có luồng"},
	"alarm.channel_off_air.remedy": {"", "khôi phục một đầu vào, hoặc thêm đầu vào khác, chẳng hạn một tệp phát tạm"},

	"alarm.channel_failed.title":  {"", "một kênh không chạy được"},
	"alarm.channel_failed.cause":  {"", "cấu hình của kênh không chạy được trên máy này; phần ghi nhận nêu lý do"},
	"alarm.channel_failed.remedy": {"", "sửa kênh theo phần ghi nhận, rồi lưu"},

	"alarm.source_continuity.title":  {"", "gói của một đầu vào bị mất hoặc hỏng"},
	"alarm.source_continuity.cause":  {"", "cáp hỏng, đường truyền hoặc switch quá tải, thu sóng yếu, hoặc bộ đệm nhận bị đầy"},
	"alarm.source_continuity.remedy": {"", "xem số gói mất, lỗi liên tục (CC) hay gói rơi ở nhân đang tăng: gói rơi là do máy này, còn lại là từ phía trước"},

	"alarm.service_lost.title":  {"", "dịch vụ mà đầu vào chọn không có trong luồng"},
	"alarm.service_lost.cause":  {"", "dịch vụ đã chuyển sang bộ ghép kênh khác hoặc đổi ID"},
	"alarm.service_lost.remedy": {"", "so danh sách dịch vụ của đầu vào với tham số program trong địa chỉ"},

	"alarm.scrambled.title":  {"", "một đầu vào bị khóa mã"},
	"alarm.scrambled.cause":  {"", "bên gửi mã hóa dịch vụ, hoặc bộ giải mã phía trước mất thẻ"},
	"alarm.scrambled.remedy": {"", "kiểm tra thẻ, mô-đun và thuê bao ở nơi phải giải mã"},

	"alarm.output_failed.title":  {"", "một đầu ra không gửi được"},
	"alarm.output_failed.cause":  {"", "giao diện mạng thiếu hoặc tắt, không có tuyến, hoặc chương trình khác chiếm địa chỉ"},
	"alarm.output_failed.remedy": {"", "đọc lỗi gần nhất của đầu ra; kiểm tra giao diện và tuyến đến nhóm"},

	"alarm.output_overflow.title":  {"", "luồng vượt quá tốc độ bit không đổi của đầu ra"},
	"alarm.output_overflow.cause":  {"", "đầu vào có lúc cao hơn tốc độ bit đặt cho đầu ra; gói phải chờ rồi bị bỏ"},
	"alarm.output_overflow.remedy": {"", "tăng tốc độ bit của đầu ra cao hơn mức cao nhất của đầu vào, hoặc giảm tốc độ ở bên gửi"},

	"alarm.output_late.title":  {"", "gói tin được gửi quá trễ"},
	"alarm.output_late.cause":  {"", "bộ xử lý bận việc khác, hoặc không được phép lập lịch thời gian thực"},
	"alarm.output_late.remedy": {"", "xem tiến trình nào gây tải, và chạy 'headend doctor' để biết các giới hạn cần đặt"},

	"alarm.wire_down.title":  {"", "tiến trình phát gói không chạy; dịch vụ chính tự gửi"},
	"alarm.wire_down.cause":  {"", "không khởi động được hoặc liên tục kết thúc; phần ghi nhận có lỗi gần nhất"},
	"alarm.wire_down.remedy": {"", "xem nhật ký; đầu ra vẫn chạy với thời gian kém chính xác hơn cho đến khi tiến trình chạy lại"},

	"alarm.wire_no_realtime.title":  {"", "tiến trình phát gói không có quyền thời gian thực"},
	"alarm.wire_no_realtime.cause":  {"", "dịch vụ thiếu CAP_SYS_NICE hoặc giới hạn bộ nhớ khóa"},
	"alarm.wire_no_realtime.remedy": {"", "cài tệp unit của phiên bản này ('make install'), hoặc chạy 'headend doctor'"},

	"alarm.interface_missing.title":  {"", "một giao diện mạng trong cấu hình không tồn tại"},
	"alarm.interface_missing.cause":  {"", "đã bị đổi tên hoặc tháo ra, hoặc chưa nạp trình điều khiển"},
	"alarm.interface_missing.remedy": {"", "chọn giao diện trong danh sách của máy này, hoặc lắp lại giao diện bị thiếu"},

	"alarm.interface_down.title":  {"", "một giao diện mạng mất liên kết"},
	"alarm.interface_down.cause":  {"", "cáp bị rút, hoặc cổng switch bị tắt"},
	"alarm.interface_down.remedy": {"", "kiểm tra cáp và cổng switch; xem trạng thái bằng 'ip link'"},

	"alarm.http_listen_failed.title":    {"", "người xem và API không kết nối được"},
	"alarm.http_listen_failed.cause":    {"", "chương trình khác chiếm cổng HTTP, hoặc địa chỉ không thuộc máy này"},
	"alarm.https_listen_failed.title":   {"", "người xem và API không kết nối được qua HTTPS"},
	"alarm.https_listen_failed.cause":   {"", "chương trình khác chiếm cổng HTTPS, hoặc địa chỉ không thuộc máy này"},
	"alarm.https_listen_failed.remedy":  {"", "xem ai chiếm cổng bằng 'ss -ltnp', hoặc chọn địa chỉ khác ở box.https"},
	"alarm.certificate_failed.title":    {"", "không có được chứng chỉ cho HTTPS"},
	"alarm.certificate_failed.cause":    {"", "tệp thiếu, không đọc được hoặc không khớp với tệp kia, hoặc máy chủ ACME từ chối"},
	"alarm.certificate_failed.remedy":   {"", "đọc chi tiết; với ACME, tên miền phải trỏ về đây, cổng 80 ở box.http hoặc cổng 443 ở box.https"},
	"alarm.certificate_ends.title":      {"", "chứng chỉ HTTPS sắp hết hạn hoặc đã hết hạn"},
	"alarm.certificate_ends.cause":      {"", "chưa ai thay tệp mới, hoặc nhiều tuần không tới được máy chủ ACME"},
	"alarm.certificate_ends.remedy":     {"", "đặt chứng chỉ mới thay tệp cũ: máy đọc ngay; với ACME, xem có tới được máy chủ không"},
	"alarm.on_play_failed.title":        {"", "nơi quyết định người xem không trả lời"},
	"alarm.on_play_failed.cause":        {"", "máy chủ on_play ngừng, quá chậm, hoặc trả lỗi của chính nó"},
	"alarm.on_play_failed.remedy":       {"", "kiểm tra máy chủ đó; người đang xem vẫn tiếp tục, người mới theo allow_default"},
	"alarm.webrtc_listen_failed.title":  {"", "người xem không kết nối được bằng WebRTC"},
	"alarm.webrtc_listen_failed.cause":  {"", "chương trình khác chiếm cổng, hoặc địa chỉ không thuộc máy này"},
	"alarm.webrtc_listen_failed.remedy": {"", "xem ai chiếm cổng bằng 'ss -lunp' và 'ss -ltnp', hoặc chọn địa chỉ khác ở box.webrtc"},
	"alarm.http_listen_failed.remedy":   {"", "xem ai chiếm cổng bằng 'ss -ltnp', hoặc chọn địa chỉ khác ở box.http"},

	"alarm.ssh_listen_failed.title":  {"", "không vào được bảng điều khiển qua SSH"},
	"alarm.ssh_listen_failed.cause":  {"", "chương trình khác chiếm cổng, hoặc địa chỉ không thuộc máy này"},
	"alarm.ssh_listen_failed.remedy": {"", "xem ai chiếm cổng bằng 'ss -ltnp', hoặc chọn địa chỉ khác ở box.ssh"},

	"alarm.config_rolled_back.title":  {"", "cấu hình mới nhất không khởi động được; đang chạy phiên bản trước"},
	"alarm.config_rolled_back.cause":  {"", "một thứ mà cấu hình cần không còn nữa; phần ghi nhận có lỗi"},
	"alarm.config_rolled_back.remedy": {"", "so sánh các phiên bản, sửa điều được nêu, rồi lưu lại"},

	"alarm.database_slow.title":  {"", "cơ sở dữ liệu trả lời chậm"},
	"alarm.database_slow.cause":  {"", "ổ đĩa bận, đã mòn, hoặc dùng chung với thứ ghi nhiều"},
	"alarm.database_slow.remedy": {"", "xem tải của ổ đĩa, và chuyển bản ghi sang ổ khác"},

	"alarm.database_failed.title":  {"", "không ghi được cơ sở dữ liệu: không thể thay đổi gì"},
	"alarm.database_failed.cause":  {"", "ổ đĩa đầy, chỉ đọc, hoặc đang hỏng"},
	"alarm.database_failed.remedy": {"", "giải phóng chỗ hoặc thay ổ đĩa; các kênh đang phát vẫn tiếp tục"},

	"alarm.disk_low.title":  {"", "ổ đĩa của thư mục dữ liệu gần đầy"},
	"alarm.disk_low.cause":  {"", "còn trống dưới 1 GiB"},
	"alarm.disk_low.remedy": {"", "xóa những gì không cần, hoặc tăng dung lượng ổ đĩa"},

	"alarm.disk_full.title":  {"", "ổ đĩa của thư mục dữ liệu đã đầy"},
	"alarm.disk_full.cause":  {"", "còn trống dưới 64 MiB, hoặc một lần ghi bị từ chối"},
	"alarm.disk_full.remedy": {"", "xóa ngay những gì không cần: không lưu được thay đổi"},

	"alarm.clock_not_synchronised.title":  {"", "đồng hồ chưa được đồng bộ"},
	"alarm.clock_not_synchronised.cause":  {"", "không máy chủ NTP hoặc PTP nào trả lời, hoặc chưa cài chương trình đồng bộ"},
	"alarm.clock_not_synchronised.remedy": {"", "cài chrony hoặc bật systemd-timesyncd, và kiểm tra có kết nối được máy chủ không"},

	"alarm.memory_low.title":  {"", "máy thiếu bộ nhớ"},
	"alarm.memory_low.cause":  {"", "nhiều kênh hoặc người xem hơn thiết kế, hoặc chương trình khác chiếm thêm"},
	"alarm.memory_low.remedy": {"", "xem ở trang hệ thống ai dùng bộ nhớ; rút ngắn cửa sổ trực tiếp hoặc chuyển bớt kênh đi"},

	"alarm.temperature_high.title":  {"", "máy quá nóng"},
	"alarm.temperature_high.cause":  {"", "quạt ngừng quay, lưới lọc đầy bụi, hoặc phòng quá nóng"},
	"alarm.temperature_high.remedy": {"", "kiểm tra quạt, lưới lọc và không khí trong tủ máy"},

	"alarm.setup_not_completed.title":  {"", "chưa ai đăng nhập được"},
	"alarm.setup_not_completed.cause":  {"", "chưa tạo người vận hành đầu tiên"},
	"alarm.setup_not_completed.remedy": {"", "đăng nhập qua SSH bằng mã dùng một lần hiện trên màn hình tại chỗ"},
}
