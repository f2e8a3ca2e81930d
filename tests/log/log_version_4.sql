BEGIN TRANSACTION;
CREATE TABLE answers (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	at BIGINT, 
	call VARCHAR(16) NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "answers" VALUES(1,'261127-122002-fj0he',1795782002565622,'create','{"id": "cgt-20261127122002-bf7ea7a8"}');
INSERT INTO "answers" VALUES(2,'261127-122002-fj0he',1795782002647616,'get','{"id": "cgt-20261127122002-bf7ea7a8", "model": "seedance-1-5-pro-251215", "status": "succeeded", "created_at": 1795782002, "updated_at": 1795782002, "service_tier": "default", "execution_expires_after": 191303, "content": {"video_url": "http://simulator/files/cgt-20261127122002-bf7ea7a8/video.mp4?signature=47e80f20a0ebf2ac"}, "usage": {"completion_tokens": 38800, "total_tokens": 38800}, "seed": 11, "resolution": "480p", "ratio": "1:1", "duration": 4, "framespersecond": 24, "generate_audio": true, "draft": false}');
INSERT INTO "answers" VALUES(3,'261127-122003-s2j0k',1795782003450701,'create','{"id": "cgt-20261127122003-da7442e7"}');
INSERT INTO "answers" VALUES(4,'261127-122003-s2j0k',1795782003547993,'get','{"id": "cgt-20261127122003-da7442e7", "model": "dreamina-seedance-2-0-mini-260615", "status": "succeeded", "created_at": 1795782003, "updated_at": 1795782003, "service_tier": "default", "execution_expires_after": 196021, "content": {"video_url": "http://simulator/files/cgt-20261127122003-da7442e7/video.mp4?signature=dd3246d03bcbfd01"}, "usage": {"completion_tokens": 77200, "total_tokens": 77200}, "seed": 674770465, "resolution": "480p", "ratio": "1:1", "duration": 4, "framespersecond": 24, "generate_audio": true}');
CREATE TABLE kernels (
	owner VARCHAR(32) NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	born_at FLOAT NOT NULL, 
	beat_at BIGINT, 
	version INTEGER, 
	PRIMARY KEY (owner)
);
CREATE TABLE looks (
	id INTEGER NOT NULL, 
	study VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	"by" TEXT, 
	seen INTEGER NOT NULL, 
	at BIGINT, 
	PRIMARY KEY (id)
);
CREATE TABLE meta (
	name VARCHAR(32) NOT NULL, 
	value TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('version','4');
CREATE TABLE studies (
	name VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	definition TEXT NOT NULL, 
	defined_at BIGINT, 
	revealed_at BIGINT, 
	PRIMARY KEY (name, simulated)
);
CREATE TABLE tasks (
	"key" VARCHAR(32) NOT NULL, 
	task_id VARCHAR(128), 
	status VARCHAR(16) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	mode VARCHAR(24), 
	model VARCHAR(64), 
	prompt TEXT, 
	resolution VARCHAR(16), 
	ratio VARCHAR(16), 
	width INTEGER, 
	height INTEGER, 
	duration INTEGER, 
	frames INTEGER, 
	seed BIGINT, 
	requested_seed BIGINT, 
	camera_fixed BOOLEAN, 
	watermark BOOLEAN, 
	generate_audio BOOLEAN, 
	service_tier VARCHAR(16), 
	first_frame TEXT, 
	last_frame TEXT, 
	reference_images TEXT, 
	reference_videos TEXT, 
	reference_audios TEXT, 
	tokens BIGINT, 
	usd FLOAT, 
	est_tokens BIGINT, 
	est_usd FLOAT, 
	price_id TEXT, 
	file VARCHAR(16) NOT NULL, 
	video_path TEXT, 
	last_frame_path TEXT, 
	sha256 VARCHAR(64), 
	error_code TEXT, 
	error_message TEXT, 
	created_at BIGINT, 
	finished_at BIGINT, 
	saved_at BIGINT, 
	parent_key VARCHAR(32), 
	study TEXT, 
	arm TEXT, 
	item TEXT, 
	verdict TEXT, 
	simulated BOOLEAN NOT NULL, 
	poster_path TEXT, 
	preview_path TEXT, 
	error_param TEXT, 
	note TEXT, 
	usd_per_million FLOAT, 
	reserved_usd FLOAT NOT NULL, 
	nonce INTEGER, 
	matched_by VARCHAR(16), 
	candidates TEXT, 
	owner VARCHAR(32), 
	chain VARCHAR(64), 
	resent_as VARCHAR(32), 
	study_seed BIGINT, 
	wire_model TEXT, 
	body TEXT, 
	request_id TEXT, 
	client_request_id TEXT, 
	video_url TEXT, 
	last_frame_url TEXT, 
	intent_at BIGINT, 
	sent_at BIGINT, 
	revision INTEGER NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "tasks" VALUES('261127-122002-fj0he','cgt-20261127122002-bf7ea7a8','succeeded','standard','text','seedance-1-5-pro-251215','a fox yawns','480p','1:1',640,640,4,97,11,11,0,0,1,'default',NULL,NULL,NULL,NULL,NULL,38800,0.09312,38800,0.09312,'seedance-1-5-pro/default/audio@2026-06','saved','media/261127-122002-fj0he/video.mp4',NULL,'4ae77f4862f9fd51089429b99578ba79cb18294a3e274c9a840576077ebfbd99',NULL,NULL,1795782002000000,1795782002000000,1795782003432702,NULL,NULL,NULL,NULL,NULL,1,'media/261127-122002-fj0he/poster.jpg',NULL,NULL,NULL,2.4,0.0,18503,NULL,NULL,NULL,NULL,NULL,NULL,'seedance-1-5-pro-251215','{"model": "seedance-1-5-pro-251215", "content": [{"type": "text", "text": "a fox yawns"}], "resolution": "480p", "ratio": "1:1", "duration": 4, "seed": 11, "generate_audio": true, "execution_expires_after": 191303}','7f4c1ab6f0563942bb785b8ac0a6ac4d','70c6c59bf7734401955ffe3e2a4c71c1','http://simulator/files/cgt-20261127122002-bf7ea7a8/video.mp4?signature=47e80f20a0ebf2ac',NULL,1795782002540895,NULL,3);
INSERT INTO "tasks" VALUES('261127-122003-s2j0k','cgt-20261127122003-da7442e7','succeeded','standard','reference','dreamina-seedance-2-0-mini-260615','the same fox, older','480p','1:1',640,640,4,97,674770465,NULL,0,0,1,'default',NULL,NULL,'[]','["task:261127-122002-fj0he"]',NULL,77200,0.16212,77200,0.16212,'dreamina-seedance-2-0-mini/default/video-in@2026-06','saved','media/261127-122003-s2j0k/video.mp4',NULL,'8df6032868f78f4c3a2572ccd3655ae9fa8c9e4b428fa7510d844d3655d46176',NULL,NULL,1795782003000000,1795782003000000,1795782004047304,NULL,NULL,NULL,NULL,NULL,1,'media/261127-122003-s2j0k/poster.jpg',NULL,NULL,NULL,2.1,0.0,23221,NULL,NULL,NULL,NULL,NULL,NULL,'dreamina-seedance-2-0-mini-260615','{"model": "dreamina-seedance-2-0-mini-260615", "content": [{"type": "text", "text": "the same fox, older"}, {"type": "video_url", "video_url": {"url": "task:261127-122002-fj0he"}, "role": "reference_video"}], "resolution": "480p", "ratio": "1:1", "duration": 4, "generate_audio": true, "execution_expires_after": 196021}','a8720208a06205edb91069f582597e03','b6a89494d0f04293a0330de9fc926761','http://simulator/files/cgt-20261127122003-da7442e7/video.mp4?signature=dd3246d03bcbfd01',NULL,1795782003442015,NULL,3);
CREATE TABLE verdicts (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	verdict VARCHAR(16), 
	at BIGINT, 
	PRIMARY KEY (id)
);
CREATE TABLE votes (
	id INTEGER NOT NULL, 
	study VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	rater VARCHAR(128) NOT NULL, 
	trial VARCHAR(64) NOT NULL, 
	left_key VARCHAR(32) NOT NULL, 
	right_key VARCHAR(32) NOT NULL, 
	choice VARCHAR(16) NOT NULL, 
	criterion VARCHAR(64), 
	kind VARCHAR(16) NOT NULL, 
	seconds FLOAT, 
	sound BOOLEAN, 
	at BIGINT, 
	undone_at BIGINT, 
	PRIMARY KEY (id)
);
CREATE INDEX tasks_study ON tasks (study);
CREATE INDEX ix_tasks_status ON tasks (status);
CREATE INDEX tasks_nonce ON tasks (wire_model, service_tier, nonce);
CREATE INDEX ix_tasks_task_id ON tasks (task_id);
CREATE INDEX tasks_money ON tasks (simulated, usd, reserved_usd);
CREATE INDEX ix_answers_key ON answers ("key");
CREATE INDEX ix_verdicts_key ON verdicts ("key");
CREATE INDEX votes_of ON votes (study, simulated, rater);
COMMIT;
